using System.CommandLine;
using System.Text;

namespace DistSgd.Repo.Tests;

/// <summary>The command line as docs/configuration.md shows it: a section a command, a row an argument or option.</summary>
internal static class OptionTable
{
    private const string Begin = "<!-- begin: the command line -->";
    private const string End = "<!-- end: the command line -->";

    /// <summary>The part of a document between the marks.</summary>
    public static string In(string markdown)
    {
        int from = markdown.IndexOf(Begin, StringComparison.Ordinal), to = markdown.IndexOf(End, StringComparison.Ordinal);
        Assert.True(from >= 0 && to > from, $"The document lacks the marks {Begin} and {End}.");
        return markdown[(from + Begin.Length)..to].Trim() + "\n";
    }

    /// <summary>The same part as it must be for a command line.</summary>
    public static string Of(RootCommand root)
    {
        var text = new StringBuilder();
        foreach (Command command in root.Subcommands.Where(command => !command.Hidden))
            Write(text, $"{command.Name}", command, []);
        return text.ToString().Trim() + "\n";
    }

    private static void Write(StringBuilder text, string name, Command command, Option[] inherited)
    {
        if (command.Subcommands.Count == 0)
        {
            text.Append($"### distsgd {name}\n\n{command.Description}\n\n| option | default | meaning |\n|---|---|---|\n");
            foreach (Argument argument in command.Arguments)
                text.Append($"| `{argument.Name}` | {Default(argument.HasDefaultValue, argument.GetDefaultValue, required: true)} | {Cell(argument.Description)} |\n");
            foreach (Option option in command.Options.Concat(inherited).Where(option => !option.Hidden && option is not System.CommandLine.Help.HelpOption))
                text.Append($"| `{Shown(option)}` | {Default(option.HasDefaultValue && option.ValueType != typeof(bool), option.GetDefaultValue, option.Required)} | {Cell(option.Description)} |\n");
            text.Append('\n');
        }
        foreach (Command inner in command.Subcommands.Where(inner => !inner.Hidden))
            Write(text, $"{name} {inner.Name}", inner, [.. inherited, .. command.Options.Where(option => option.Recursive)]);
    }

    private static string Shown(Option option) => option.HelpName is { Length: > 0 } values ? $"{option.Name} {values.Replace("|", "\\|", StringComparison.Ordinal)}" : option.Name;

    private static string Default(bool has, Func<object?> value, bool required)
    {
        if (required && !has)
            return "required";
        return has && value() is { } given ? $"`{Convert.ToString(given, System.Globalization.CultureInfo.InvariantCulture)!.ToLowerInvariant()}`" : "";
    }

    private static string Cell(string? description) => (description ?? "").Replace("|", "\\|", StringComparison.Ordinal);
}
