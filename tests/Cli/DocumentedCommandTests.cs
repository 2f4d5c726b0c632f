using System.Globalization;
using System.Text.RegularExpressions;
using DistSgd.TestKit;

namespace DistSgd.Cli.Tests;

/// <summary>The commands of docs/models.md run, and print the lines that stand below them, with numbers of their own.</summary>
public sealed partial class DocumentedCommandTests : IDisposable
{
    private const int CommandsMin = 20;
    private const int MatchMillisecondsMax = 1_000;

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task EveryCommandOfModels_OnSmallSetsOfTheSameKinds_PrintsTheLinesShown()
    {
        (string Command, string[] Shown)[] commands = [.. Commands(System.IO.File.ReadAllLines(Path.Combine(ForeignProgram.Root, "docs", "models.md")))];
        Assert.True(commands.Length >= CommandsMin, $"{commands.Length}");
        foreach (string file in commands.SelectMany(one => one.Command.Split(' ')).Where(word => FileName().IsMatch(word)).Distinct(StringComparer.Ordinal))
            _folder.Write(file, Rows(file));
        foreach ((string command, string[] shown) in commands)
        {
            string[] words = [.. command.Split(' ').Skip(1).Select(word => FileName().IsMatch(word) ? _folder[word] : word)];
            string[] output = (await CommandLine.MustAsync([.. words, "--threads", "1", "--out", _folder["model"]])).Output.Split('\n');
            foreach (string line in shown)
                Assert.True(output.Any(other => Form(other) == Form(line)), $"{command}\nprinted no line like\n{line}\nbut\n{string.Join('\n', output)}");
        }
    }

    [Fact]
    public void Commands_AreFoundWithTheLinesBelowThem() =>
        Assert.Equal([("distsgd train", "loss 1.5 on 20 rows"), ("distsgd inspect m", "")],
            Commands(["# Title", "```", "$ distsgd train", "loss 1.5 on 20 rows", "$ distsgd inspect m", "```", "$ no command"]).Select(one => (one.Command, string.Join('|', one.Shown))));

    private static IEnumerable<(string Command, string[] Shown)> Commands(string[] lines)
    {
        bool inside = false;
        for (int i = 0; i < lines.Length; i++)
        {
            inside ^= lines[i].StartsWith("```", StringComparison.Ordinal);
            if (inside && lines[i].StartsWith("$ distsgd ", StringComparison.Ordinal))
                yield return (lines[i][2..], [.. lines.Skip(i + 1).TakeWhile(line => line[0] is not ('$' or '`'))]);
        }
    }

    // What is left of a line without its numbers.
    private static string Form(string line) => Number().Replace(line, "#");

    private static string Rows(string file)
    {
        if (file.EndsWith(".tree", StringComparison.Ordinal))
            return string.Concat(Enumerable.Range(1, 5).Select(label => $"{label} {100 + label % 2}\n")) + "100 200\n101 200\n";
        return string.Concat(Enumerable.Range(file.EndsWith(".test", StringComparison.Ordinal) ? 1_000 : 0, 200).Select(row => Row(file[..file.IndexOf('.')], row)));
    }

    private static string Row(string set, int row)
    {
        (double a, double b) = (Math.Sin(row), Math.Cos(3 * row));
        string label = set switch
        {
            "prsa" => (a - b + row % 5).ToString("F3", CultureInfo.InvariantCulture),
            "queries" => $"{row % 3} qid:{row / 6}",
            "letter" => $"{1 + (int)(2.4 * (1 + a))}",
            "topics" => row % 7 == 0 ? "" : a > b ? "1" : "2,3",
            _ => a > b ? "1" : "-1",
        };
        string more = set == "letter" ? string.Concat(Enumerable.Range(4, 16).Select(j => string.Create(CultureInfo.InvariantCulture, $" {j}:{Math.Sin(row * j):F3}"))) : "";
        return string.Create(CultureInfo.InvariantCulture, $"{label} 1:{a:F3} 2:{b:F3} 3:{1 + row % 3}{more}\n");
    }

    [GeneratedRegex(@"^\w+\.(train|test|tree)$", RegexOptions.None | RegexOptions.ExplicitCapture, MatchMillisecondsMax)]
    private static partial Regex FileName();

    [GeneratedRegex(@"-?\d[\d.,]*(E[-+]?\d+)?", RegexOptions.None | RegexOptions.ExplicitCapture, MatchMillisecondsMax)]
    private static partial Regex Number();
}
