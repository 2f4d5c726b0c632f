using System.Xml.Linq;

namespace DistSgd.Repo.Tests;

/// <summary>Which project references which, as "src/Worker" → "src/Learning".</summary>
internal static class ProjectGraph
{
    /// <summary>The edges in the project files of src, bench and examples.</summary>
    public static SortedSet<string> FromProjects()
    {
        var edges = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string project in Checkout.WithExtension(".csproj").Where(project => !Checkout.IsBelow(project, "tests")))
        {
            foreach (string target in References(Checkout.Read(project)))
                edges.Add($"{Folder(project)} -> {Resolve(Folder(project), target)}");
        }
        return edges;
    }

    /// <summary>
    /// The edges drawn in a document: in the fenced block that begins with ```graph, a line "A -> B, C" a project; "A -> nothing" draws none.
    /// </summary>
    public static SortedSet<string> FromDocument(string markdown)
    {
        string? block = Pattern.First(markdown, "^```graph\n(?<it>(.|\n)*?)^```");
        Assert.True(block is not null, "There is no fenced block ```graph.");
        var edges = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string line in block.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            const string form = @"^{0}\s+-> {1}(\s{{2,}}.*)?$";
            string? from = Pattern.First(line, string.Format(form, @"(?<it>\S+)", @"[\w/]+(, [\w/]+)*"));
            string? to = Pattern.First(line, string.Format(form, @"\S+", @"(?<it>[\w/]+(, [\w/]+)*)"));
            Assert.True(from is not null && to is not null, $"This line of the graph is not of the form 'A -> B, C  what it is': {line}");
            foreach (string target in to.Split(", ").Where(target => target != "nothing"))
                edges.Add($"{from} -> {target}");
        }
        return edges;
    }

    /// <summary>All projects that a project reaches.</summary>
    public static HashSet<string> Reached(IEnumerable<string> edges, string from)
    {
        ILookup<string, string> next = edges.Select(edge => edge.Split(" -> ")).ToLookup(edge => edge[0], edge => edge[1]);
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var open = new Queue<string>([from]);
        while (open.TryDequeue(out string? project))
        {
            foreach (string target in next[project].Where(reached.Add))
                open.Enqueue(target);
        }
        return reached;
    }

    private static IEnumerable<string> References(string project) =>
        XDocument.Parse(project).Descendants("ProjectReference").Select(reference => reference.Attribute("Include")!.Value.Replace('\\', '/'));

    private static string Folder(string project) => Path.GetDirectoryName(project)!.Replace('\\', '/');

    private static string Resolve(string folder, string reference) =>
        Folder(Path.GetRelativePath(Checkout.Root, Path.GetFullPath(Path.Combine(Checkout.Root, folder, reference))).Replace('\\', '/'));
}
