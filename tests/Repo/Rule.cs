namespace DistSgd.Repo.Tests;

/// <summary>Something that a source file must not contain, and what stands in its place.</summary>
/// <param name="Forbidden">Regular expression over one line of a file.</param>
/// <param name="Instead">What to write instead.</param>
internal sealed record Rule(string Forbidden, string Instead)
{
    /// <summary>Folders and files that the rule doesn't hold for.</summary>
    public string[] Except { get; init; } = [];

    /// <summary>True: comments and literals count too.</summary>
    public bool InText { get; init; }

    /// <summary>The places in a text that break the rule, as "path:line: the line".</summary>
    public IEnumerable<string> Find(string path, string text)
    {
        string[] shown = text.Split('\n');
        string[] searched = (InText ? text : CSharpText.CodeOnly(text)).Split('\n');
        for (int i = 0; i < searched.Length; i++)
        {
            if (Pattern.IsIn(searched[i], Forbidden))
                yield return $"{path}:{i + 1}: {shown[i].Trim()}";
        }
    }

    /// <summary>Holds the rule against files, after proving that it can fail.</summary>
    /// <param name="counterExample">A line that breaks it.</param>
    /// <param name="files">Paths from the root.</param>
    public void Holds(string counterExample, IEnumerable<string> files)
    {
        Assert.True(Find("counter-example", counterExample).Any(), $"The rule /{Forbidden}/ doesn't see its own counter-example: {counterExample}");
        if (!InText)
            Assert.Empty(Find("comment", $"// {counterExample}\n"));
        string[] found = [.. files.Where(file => !Except.Any(folder => Checkout.IsBelow(file, folder))).SelectMany(file => Find(file, Checkout.Read(file)))];
        Assert.True(found.Length == 0, $"{string.Join('\n', found)}\nInstead: {Instead}");
    }
}
