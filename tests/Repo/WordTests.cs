namespace DistSgd.Repo.Tests;

/// <summary>Words that no file of this repository holds.</summary>
public sealed class WordTests
{
    private static readonly string[] TextExtensions =
        [".cs", ".md", ".csproj", ".props", ".targets", ".proto", ".py", ".sh", ".json", ".yml", ".yaml", ".sln", ".editorconfig", ".gitignore", ""];

    // This project's own rules and counter-examples name what they forbid.
    private static readonly string[] ThisProject = ["tests/Repo"];

    private static IEnumerable<string> TextFiles => Checkout.WithExtension(TextExtensions);

    [Fact]
    public void Work_IsDoneOrNotBegun() =>
        new Rule(@"\b(TODO|FIXME|HACK|XXX)\b|\bNotImplementedException\b", "do it, or leave it out and say so in docs/features.md") { Except = ThisProject, InText = true }
            .Holds("// TODO: later", TextFiles);

    [Fact]
    public void Features_AreThere_NotPromisedByAnException() =>
        new Rule(@"\bthrow\s+new\s+NotSupportedException\s*\(\s*\$?""\{", "do it, or leave it out") { Except = ThisProject, InText = true }
            .Holds("throw new NotSupportedException($\"{path}\");", Checkout.Sources("src"));

    [Fact]
    public void Paths_OfOneMachine_AreNamedNowhere() =>
        new Rule(@"(?<![\w.$}])/(root|home/\w+|Users/\w+|work)/|\b[A-Z]:\\Users\\", "a path relative to the repository, or an option") { Except = ThisProject, InText = true }
            .Holds("path = \"/home/me/data\"", TextFiles);

    [Fact]
    public void Hosts_OfRegistries_AreNamedNowhere() =>
        // Neither are they here: a package feed's address is known by its ending.
        new Rule(@"https?://\S+/(v3/index\.json|simple/|v2/library)|\bartifactory\b", "the client's own configuration") { Except = ThisProject, InText = true }
            .Holds("source = https://feed.example/v3/index.json", TextFiles);
}
