using System.CommandLine;
using System.Globalization;
using DistSgd.Shared.CommandLine;
using DistSgd.TestKit;

namespace DistSgd.Cli.Tests;

/// <summary>Every option of every command: refused by name just outside of its range, before anything is read; shown in a help that has an example.</summary>
public sealed class OptionTests
{
    // Each names files that aren't there: a command that read its data first would fail with exit code 1.
    private static readonly Dictionary<string, string> Required = new(StringComparer.Ordinal) { ["--coordinator"] = "127.0.0.1:1", ["--server"] = "127.0.0.1:1" };

    [Fact]
    public async Task EveryOption_JustOutsideOfItsRange_IsRefusedBeforeAnythingIsRead()
    {
        int tried = 0;
        foreach ((string[] path, Command command) in Commands())
        {
            foreach (ValueOption option in command.Options.OfType<ValueOption>())
            {
                foreach (string wrong in Wrong(option))
                {
                    string[] others = [.. command.Options.Where(other => other.Required && other != option).SelectMany(other => (string[])[other.Name, Required.GetValueOrDefault(other.Name, "/nowhere/file")])];
                    Outcome outcome = await CommandLine.RunAsync([.. path, .. others, option.Name, wrong]);
                    string all = $"{string.Join(' ', path)} {option.Name} '{wrong}' → {outcome.Code}: {outcome.Error}";
                    Assert.True(outcome.Code == 2, all);
                    Assert.True(outcome.Error.StartsWith($"{option.Name} is '{wrong}'; expected {option.Expected}.\nSee: ", StringComparison.Ordinal), all);
                    Assert.True(outcome.Output == "", all);
                    tried++;
                }
            }
        }
        Assert.InRange(tried, 100, 1000);
    }

    [Fact]
    public void EveryOption_TakesTheEndsOfItsRange_AndItsDefault()
    {
        foreach (ValueOption option in Commands().SelectMany(command => command.Command.Options.OfType<ValueOption>()))
        {
            if (option.Range is { IsWhole: true } range)
                Assert.True(option.Admits(range.Min.ToString(CultureInfo.InvariantCulture)) && option.Admits(range.Max.ToString(CultureInfo.InvariantCulture)), option.Name);
            if (option.HasDefaultValue)
                Assert.True(option.Admits((string)option.GetDefaultValue()!), option.Name);
        }
    }

    [Fact]
    public void EveryValue_IsReadByTheOneMechanism() =>
        Assert.Empty(Commands().SelectMany(command => command.Command.Options).Where(option => option is not ValueOption and not Option<bool> and not System.CommandLine.Help.HelpOption).Select(option => option.Name));

    [Fact]
    public async Task Help_OfEveryCommand_HasAnExampleThatIsUnderstood()
    {
        foreach ((string[] path, Command command) in Commands().Append(([], CommandTree.Build())))
        {
            Outcome help = await CommandLine.MustAsync([.. path, "--help"]);
            string[] lines = help.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            int at = Array.IndexOf(lines, "Example:");
            Assert.True(at >= 0, $"the help of {string.Join(' ', path)} has no example: {help.Output}");
            string[] words = lines[at + 1].Trim().Split(' ');
            Assert.Equal(["distsgd", .. path], words[..(1 + path.Length)]);
            ParseResult parsed = CommandTree.Build().Parse(words[1..]);
            Assert.True(parsed.Errors.Count == 0, lines[at + 1]);
            Arguments.Check(parsed);
        }
    }

    [Fact]
    public async Task HelpOfTrain_ShowsEachOptionOnceUnderAHeading_WithinTheLine()
    {
        string[] lines = (await CommandLine.MustAsync("train", "--help")).Output.Split('\n');
        Command train = Commands().Single(command => command.Path is ["train"]).Command;
        foreach (Option option in train.Options)
            Assert.True(lines.Count(line => line.StartsWith($"  {option.Name} ", StringComparison.Ordinal) || line == $"  {option.Name}") == 1, option.Name);
        string[] headings = [.. lines.Where(line => line.EndsWith(':') && !line.StartsWith(' '))];
        Assert.Equal(["Description:", "Usage:", "Data:", "Model:", "Training:", "Output:"], headings[..6]);
        Assert.True(headings.Length >= 10, string.Join(' ', headings));
        Assert.DoesNotContain(lines, line => line.Length > 120 && !line.StartsWith("  --", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NoArguments_ShowTheHelp_AndAreAMisuse()
    {
        Outcome outcome = await CommandLine.RunAsync();
        Assert.Equal(2, outcome.Code);
        Assert.Contains("Example:", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("train", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_TestSetWithUnseenFeatures_CountsThemAndSaysSo()
    {
        using var folder = new Folder();
        string train = folder.Write("train", string.Concat(Enumerable.Repeat("1 1:1 3:1\n0 2:1\n", 40)));
        string test = folder.Write("test", "1 1:1 7:1\n0 2:1 7:1 9:1\n");
        Outcome text = await CommandLine.MustAsync("train", "--data", train, "--test", test, "--epochs", "1", "--threads", "1", "--out", folder["m"]);
        Assert.Contains("3 values of features that the model doesn't know were left out", text.Output, StringComparison.Ordinal);
        Assert.Contains("1 epoch,", text.Output, StringComparison.Ordinal);
        Assert.EndsWith("; 1 thread", text.Output.Split('\n')[1], StringComparison.Ordinal);
        Outcome json = await CommandLine.MustAsync("train", "--data", train, "--test", test, "--epochs", "1", "--out", folder["m"], "--json");
        Assert.Equal(3, json.LastJson.GetProperty("test_ignored_features").GetInt64());
        Assert.Contains("adagrad, l1 0, l2 0.5", (await CommandLine.MustAsync(["train", "--data", train, "--l2", "0.5", "--epochs", "1", "--out", folder["m"]])) is { Code: 0 }
            ? (await CommandLine.MustAsync("inspect", folder["m"])).Output : "", StringComparison.Ordinal);
    }

    private static IEnumerable<string> Wrong(ValueOption option)
    {
        if (option.Range is not { } range)
            return option.Name is "--connect" or "--coordinator" or "--listen" ? ["", "nonsense", "host:", "host:70000", ":7070"] : option.HelpName!.Contains('|') || option.Name == "--consistency" ? ["", "nonsense"] : ["", " "];
        string[] never = ["", "x", "NaN", "0x10", "1,000", "Infinity", "1e999"];
        if (!range.IsWhole)
            return [.. never, range.Min == 0 ? "-1e-9" : "0", "-1"];
        Int128 below = (Int128)range.Min - 1, above = (Int128)range.Max + 1;
        return [.. never, "1e3", "1.5", below.ToString(CultureInfo.InvariantCulture), above.ToString(CultureInfo.InvariantCulture)];
    }

    private static IEnumerable<(string[] Path, Command Command)> Commands() => Below([], CommandTree.Build());

    private static IEnumerable<(string[] Path, Command Command)> Below(string[] path, Command command) =>
        command.Subcommands.Where(inner => !inner.Hidden).SelectMany(inner => Below([.. path, inner.Name], inner).Append(([.. path, inner.Name], inner)));
}
