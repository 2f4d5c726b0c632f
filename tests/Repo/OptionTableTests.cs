using System.CommandLine;
using DistSgd.Cli;

namespace DistSgd.Repo.Tests;

/// <summary>docs/configuration.md and the command line say the same.</summary>
public sealed class OptionTableTests
{
    // Every model, rule, format and stopping rule has its few; raised when one of them is worth it.
    private const int OptionsMax = 97;

    [Fact]
    public void Document_ShowsTheCommandLineAsItIs()
    {
        const string document = "docs/configuration.md";
        string shown = OptionTable.In(Checkout.Read(document)), expected = OptionTable.Of(CommandTree.Build());
        if (Environment.GetEnvironmentVariable("DISTSGD_UPDATE_DOCS") == "1")
            File.WriteAllText(Path.Combine(Checkout.Root, document), Checkout.Read(document).Replace(shown, expected, StringComparison.Ordinal));
        Assert.True(shown == expected, $"{document} is not what the command line is. Run this test once with DISTSGD_UPDATE_DOCS=1, which writes it, or write between its marks:\n\n{expected}");
    }

    [Fact]
    public void Table_ShowsNameDefaultAndMeaning()
    {
        var root = new RootCommand { new Command("go", "Goes.") { new Option<int>("--far") { Description = "How far.", DefaultValueFactory = _ => 7 } } };
        Assert.Equal("### distsgd go\n\nGoes.\n\n| option | default | meaning |\n|---|---|---|\n| `--far` | `7` | How far. |\n", OptionTable.Of(root));
        Assert.NotEqual(OptionTable.Of(root), OptionTable.Of([new Command("go", "Goes.")]));
    }

    [Fact]
    public void EveryOption_SaysWhatItMeans()
    {
        string[] mute = [.. AllOptions().Where(option => option.Description is not { Length: > 4 } text || !text.EndsWith('.')).Select(option => option.Name)];
        Assert.Empty(mute);
    }

    [Fact]
    public void Options_StayFew() => Assert.InRange(AllOptions().Select(option => option.Name).Distinct(StringComparer.Ordinal).Count(), 10, OptionsMax);

    private static IEnumerable<Option> AllOptions() => Below(CommandTree.Build()).SelectMany(command => command.Options);

    private static IEnumerable<Command> Below(Command command) => command.Subcommands.SelectMany(inner => Below(inner).Prepend(inner));
}
