namespace DistSgd.Repo.Tests;

/// <summary>The files of this repository as they lie on the disk, without what tools generate.</summary>
internal static class Checkout
{
    private static readonly string[] Generated = ["bin", "obj", "artifacts", "TestResults", "node_modules", "BenchmarkDotNet.Artifacts", "__pycache__", ".git", ".vs", ".vscode", ".idea"];

    private static readonly Lazy<string[]> AllFiles = new(Walk);

    /// <summary>The folder that holds DistSgd.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>All files, as paths from the root with forward slashes.</summary>
    public static IReadOnlyList<string> Files => AllFiles.Value;

    /// <summary>C# files below the given folders; all of them if none is given.</summary>
    public static IEnumerable<string> Sources(params string[] folders) =>
        Files.Where(file => file.EndsWith(".cs", StringComparison.Ordinal) && (folders.Length == 0 || folders.Any(folder => IsBelow(file, folder))));

    /// <summary>Files with one of these extensions (with the dot).</summary>
    public static IEnumerable<string> WithExtension(params string[] extensions) => Files.Where(file => extensions.Contains(Path.GetExtension(file)));

    /// <summary>True if the path is the folder's or below it.</summary>
    public static bool IsBelow(string path, string folder) => path == folder || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);

    /// <summary>A file's text, lines ending with \n.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    /// <summary>True if there is such a file or folder.</summary>
    public static bool Exists(string path) => Path.Exists(Path.Combine(Root, path));

    private static string[] Walk() => [.. Walk(new DirectoryInfo(Root)).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Walk(DirectoryInfo folder)
    {
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos())
        {
            if (Generated.Contains(entry.Name))
                continue;
            if (entry is DirectoryInfo inner)
            {
                foreach (string file in Walk(inner))
                    yield return file;
            }
            else if (entry.Extension != ".user")
            {
                yield return Path.GetRelativePath(Root, entry.FullName).Replace('\\', '/');
            }
        }
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "DistSgd.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds DistSgd.sln.");
    }
}
