namespace DistSgd.Repo.Tests;

/// <summary>The documents tell the truth as far as a test can see.</summary>
public sealed class DocumentTests
{
    [Fact]
    public void Paths_InBackticks_Exist()
    {
        Assert.Equal(["d.md: `src/Nowhere`"], Document.MissingPaths("d.md", "See `src/Nowhere` and `src/Kernels/` and `a.b` and `./test --fast`."));
        Assert.Empty(Document.All.SelectMany(document => Document.MissingPaths(document, Checkout.Read(document))));
    }

    [Fact]
    public void Links_LeadSomewhere()
    {
        Assert.Equal(["docs/d.md: (../Nowhere.md)"], Document.BrokenLinks("docs/d.md", "[a](../Nowhere.md) [b](../README.md) [c](https://example.org)"));
        Assert.Equal(["README.md: (#no-such-heading)"], Document.BrokenLinks("README.md", "[a](#no-such-heading)"));
        Assert.Empty(Document.All.SelectMany(document => Document.BrokenLinks(document, Checkout.Read(document))));
    }

    [Fact]
    public void EveryFolderOfSources_IsInTheArchitecture()
    {
        string[] folders = [.. Checkout.Sources("src").Select(file => file.Split('/')).Where(parts => parts.Length > 3).Select(parts => string.Join('/', parts[..3])).Distinct()];
        Assert.Contains("src/ParamServer/Shards", folders);
        Assert.Equal(["src/Nowhere/Else"], Unnamed(["src/Nowhere/Else", .. folders]));

        static IEnumerable<string> Unnamed(IEnumerable<string> folders)
        {
            string architecture = Checkout.Read("ARCHITECTURE.md");
            return folders.Where(folder => !architecture.Contains($"`{folder}`", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Anchor_IsTheHeadingInLowerCaseWithHyphens() => Assert.Equal("life-of-a-gradient-push", Document.Anchor("Life of a gradient: `push`"));

    [Fact]
    public void TestsNamedInDocuments_Exist()
    {
        string sources = string.Join('\n', Checkout.Sources("tests").Select(Checkout.Read));
        Assert.Equal(["`Nothing_Of_TheKind`"], MissingTests("The test `Nothing_Of_TheKind` and `Paths_InBackticks_Exist`.", sources));
        Assert.Empty(Document.All.SelectMany(document => MissingTests(Checkout.Read(document), sources).Select(name => $"{document}: {name}")));
    }

    // Test names are the words in backticks with an underscore that begin with a capital letter.
    private static IEnumerable<string> MissingTests(string text, string sources) =>
        Pattern.All(text, @"`(?<it>[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*_\w+)`")
            .Distinct(StringComparer.Ordinal)
            .Where(name => !sources.Contains($" {name}(", StringComparison.Ordinal))
            .Select(name => $"`{name}`");
}
