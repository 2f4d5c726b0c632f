namespace DistSgd.Repo.Tests;

/// <summary>The contract is its own reference.</summary>
public sealed class ProtoTests
{
    // A field or a value of an enumeration: a name, its number, perhaps options.
    private const string Numbered = @"^\s+(?!option\b)(?:[\w.<>, ]+\s)?\w+\s*=\s*-?\d+\s*(?:\[.*\])?;";

    [Fact]
    public void EveryFieldAndEnumValue_HasACommentOfItsOwn()
    {
        Assert.Equal(["p:3: int32 b = 2;", "p:6: repeated A.B d = 4;", "p:8: map<string, int32> f = 6;", "p:11: X = 0;"],
            Uncommented("p", "message M {\n  int32 a = 1; // what\n  int32 b = 2;\n  // what\n  int32 c = 3;\n  repeated A.B d = 4;\n  int32 e = 5 [deprecated = true]; // what\n  map<string, int32> f = 6;\n}\nenum E {\n  X = 0;\n}\n"));
        string[] contract = [.. Checkout.WithExtension(".proto").Where(file => Checkout.IsBelow(file, "src/Protos"))];
        Assert.NotEmpty(contract);
        string[] found = [.. contract.SelectMany(file => Uncommented(file, Checkout.Read(file)))];
        Assert.True(found.Length == 0, $"{string.Join('\n', found)}\nNeeded: a comment directly above or at the end of the line: meaning, unit or range, what it means if it isn't set");
    }

    private static IEnumerable<string> Uncommented(string path, string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            bool isCommented = lines[i].Contains("//", StringComparison.Ordinal) || (i > 0 && lines[i - 1].TrimStart().StartsWith("//", StringComparison.Ordinal));
            if (Pattern.IsIn(lines[i], Numbered) && !isCommented)
                yield return $"{path}:{i + 1}: {lines[i].Trim()}";
        }
    }
}
