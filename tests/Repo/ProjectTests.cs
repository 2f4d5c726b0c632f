namespace DistSgd.Repo.Tests;

/// <summary>The projects are the ones that ARCHITECTURE.md draws.</summary>
public sealed class ProjectTests
{
    [Fact]
    public void References_EqualTheDrawnGraph()
    {
        const string example = "```graph\nsrc/B -> src/A, bench  what it is\nsrc/A -> nothing\n```\n";
        Assert.Equal(["src/B -> bench", "src/B -> src/A"], ProjectGraph.FromDocument(example));
        SortedSet<string> drawn = ProjectGraph.FromDocument(Checkout.Read("ARCHITECTURE.md")), built = ProjectGraph.FromProjects();
        Assert.True(drawn.SetEquals(built), $"only in ARCHITECTURE.md: [{string.Join("; ", drawn.Except(built))}]; only in project files: [{string.Join("; ", built.Except(drawn))}]");
    }

    [Fact]
    public void ServerAndWorker_NeverReachEachOther()
    {
        Assert.Contains("src/C", ProjectGraph.Reached(["src/A -> src/B", "src/B -> src/C"], "src/A"));
        SortedSet<string> built = ProjectGraph.FromProjects();
        Assert.DoesNotContain("src/Worker", ProjectGraph.Reached(built, "src/ParamServer"));
        Assert.DoesNotContain("src/ParamServer", ProjectGraph.Reached(built, "src/Worker"));
    }

    [Fact]
    public void EveryProject_IsInTheSolution_AndHasALockFile()
    {
        string solution = Checkout.Read("DistSgd.sln").Replace('\\', '/');
        string[] projects = [.. Checkout.WithExtension(".csproj")];
        Assert.NotEmpty(projects);
        Assert.DoesNotContain(projects, project => !solution.Contains($"\"{project}\"", StringComparison.Ordinal));
        Assert.DoesNotContain(projects, project => !Checkout.Exists(Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json")));
    }

    [Fact]
    public void EveryProgram_ListensForSignals_BeforeItMakesItsCommandLine()
    {
        Assert.True(BeginsWithSignals("using A;\n\nInterruption.Begin();\nreturn await B();\n") && !BeginsWithSignals("using A;\n\nreturn await B();\n"));
        Assert.All(["src/Cli/Program.cs", "src/ParamServer/Program.cs", "src/Worker/Program.cs"], program => Assert.True(BeginsWithSignals(Checkout.Read(program)), program));

        static bool BeginsWithSignals(string program) => program.Split('\n').First(line => line.Length > 0 && !line.StartsWith("using ", StringComparison.Ordinal)) == "Interruption.Begin();";
    }

    [Fact]
    public void PackageVersions_StandInOnePlace() =>
        new Rule(@"<PackageReference\b[^>]*\bVersion(Override)?=", "Directory.Packages.props") { InText = true }
            .Holds("<PackageReference Include=\"xunit\" Version=\"2.9.3\" />", Checkout.WithExtension(".csproj", ".props", ".targets").Where(file => file != "Directory.Packages.props"));

    [Fact]
    public void PackageVersions_NeverFloat() =>
        new Rule(@"<PackageVersion\b[^>]*\bVersion=""[^""]*[*,\[(]", "an exact version") { InText = true }
            .Holds("<PackageVersion Include=\"xunit\" Version=\"2.*\" />", ["Directory.Packages.props"]);

    [Fact]
    public void Warnings_AreFixed_NotSilenced() =>
        new Rule(@"^\s*#pragma\s+warning\s+disable(?!.*//)|(?<!Unconditional)SuppressMessage|UnconditionalSuppressMessage\(""(?!(AOT|Trimming)"", ""IL\d+"", Justification = "")", "the fix, or a line in .editorconfig with the reason, which the native compiler doesn't read")
        {
            InText = true,
            Except = ["tests"],
        }
        .Holds("#pragma warning disable CS1591", Checkout.Sources("src", "bench", "examples"));

    [Fact]
    public void EverySourceProject_HasTests()
    {
        string[] untested = [.. Checkout.WithExtension(".csproj").Where(project => Checkout.IsBelow(project, "src") && !HasTests(project))];
        Assert.Empty(untested);

        // The contract is generated code; its services are tested where they are served.
        static bool HasTests(string project)
        {
            string name = Path.GetFileName(Path.GetDirectoryName(project)!);
            return name == "Protos" || Checkout.Sources($"tests/{name}").Any(file => Pattern.IsIn(Checkout.Read(file), @"\[(Peer)?(Fact|Theory)"));
        }
    }
}
