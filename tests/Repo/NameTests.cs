namespace DistSgd.Repo.Tests;

/// <summary>A name says what a thing is.</summary>
public sealed class NameTests
{
    private const string Vague = "(Utils?|Utilit(y|ies)|Helpers?|Manager|Managers|Common|Misc)";

    [Fact]
    public void Types_AreNamedForWhatTheyAre() =>
        new Rule($@"\b(class|struct|interface|enum|record)\s+\w*{Vague}\b", "a name for what it is or does")
            .Holds("internal static class StringHelpers", Checkout.Sources());

    [Fact]
    public void FilesAndFolders_AreNamedForWhatTheyHold()
    {
        Assert.True(IsVague("src/Shared/Utils/Strings.cs") && IsVague("src/Shared/StringHelper.cs") && !IsVague("src/Shared/KeySet.cs"));
        Assert.DoesNotContain(Checkout.Files, IsVague);
    }

    [Fact]
    public void Namespaces_FollowProjects()
    {
        Assert.NotNull(Misplaced("src/Worker/Round.cs", "namespace DistSgd.Trainer;\n"));
        Assert.Empty(Checkout.Sources("src").Where(file => !Checkout.IsBelow(file, "src/Grpc")).Select(file => Misplaced(file, Checkout.Read(file))).OfType<string>());
    }

    private static bool IsVague(string path) =>
        path.Split('/').Any(part => Pattern.IsIn(part.Split('.')[0], $"{Vague}$"));

    // A file of src/X declares namespace DistSgd.X or one below it; a file with top-level statements declares none.
    private static string? Misplaced(string path, string text)
    {
        string expected = $"namespace DistSgd.{path.Split('/')[1]}";
        string? declared = text.Split('\n').FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal));
        return declared is null || declared.StartsWith(expected + ";", StringComparison.Ordinal) || declared.StartsWith(expected + ".", StringComparison.Ordinal)
            ? null
            : $"{path}: '{declared}', expected '{expected}' or a namespace below it";
    }
}
