namespace DistSgd.Repo.Tests;

/// <summary>What a Markdown document of this repository points to.</summary>
internal static class Document
{
    // A word in backticks is taken for a path of this repository if it begins like one.
    private static readonly string[] Tops = ["src/", "tests/", "bench/", "docs/", "deploy/", "examples/", ".ci/", "./"];

    /// <summary>All documents.</summary>
    public static IEnumerable<string> All => Checkout.WithExtension(".md");

    /// <summary>Paths in backticks, as "path named in document", that don't exist.</summary>
    public static IEnumerable<string> MissingPaths(string document, string text) =>
        Pattern.All(Prose(text), "`(?<it>[^`\n]+)`")
            .Select(word => word.Split(' ')[0].TrimEnd('/', '.', ':'))
            .Where(IsPath)
            .Distinct(StringComparer.Ordinal)
            .Where(path => !IsThere(path))
            .Select(path => $"{document}: `{path}`");

    /// <summary>Links of the form [text](target), as "target in document", that lead nowhere. Addresses on the web are not followed.</summary>
    public static IEnumerable<string> BrokenLinks(string document, string text) =>
        Pattern.All(Prose(text), @"\[[^\]\n]*\]\((?<it>[^)\s]+)\)")
            .Where(target => !target.StartsWith("http://", StringComparison.Ordinal) && !target.StartsWith("https://", StringComparison.Ordinal))
            .Where(target => !Leads(document, target))
            .Select(target => $"{document}: ({target})");

    /// <summary>The heading's name in a link: lower case, spaces as hyphens, punctuation dropped.</summary>
    public static string Anchor(string heading) =>
        Pattern.Replace(heading.Trim().ToLowerInvariant().Replace("`", "", StringComparison.Ordinal), @"[^\w\- ]", "").Replace(' ', '-');

    // Fenced blocks show other programs' text.
    private static string Prose(string text) => Pattern.Replace(text, "^```(.|\n)*?^```", "");

    private static bool IsPath(string word) =>
        Tops.Any(top => word.StartsWith(top, StringComparison.Ordinal)) || (word.Contains('.', StringComparison.Ordinal) && !word.Contains('(', StringComparison.Ordinal)
            && Pattern.IsIn(word, @"^[A-Z][\w.]*\.(md|props|sln)$|^(global\.json|\.editorconfig)$"));

    private static bool IsThere(string path)
    {
        string relative = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
        if (!relative.Contains('*', StringComparison.Ordinal))
            return Checkout.Exists(relative);
        string pattern = "^" + relative.Replace(".", @"\.", StringComparison.Ordinal).Replace("*", "[^/]*", StringComparison.Ordinal) + "(/|$)";
        return Checkout.Files.Any(file => Pattern.IsIn(file, pattern));
    }

    private static bool Leads(string document, string target)
    {
        string[] parts = target.Split('#', 2);
        string folder = Path.GetDirectoryName(document) ?? "";
        string file = parts[0].Length == 0 ? document : Path.GetRelativePath(Checkout.Root, Path.GetFullPath(Path.Combine(Checkout.Root, folder, parts[0]))).Replace('\\', '/');
        if (!Checkout.Exists(file))
            return false;
        return parts.Length == 1 || !file.EndsWith(".md", StringComparison.Ordinal)
            || Pattern.All(Checkout.Read(file), "^#+ (?<it>.*)$").Any(heading => Anchor(heading) == parts[1]);
    }
}
