using System.CommandLine;
using System.CommandLine.Help;

namespace DistSgd.Cli;

/// <summary>Options that belong together, shown under a heading in the help.</summary>
/// <param name="Heading">The heading.</param>
/// <param name="Options">The options, most used first.</param>
internal sealed record OptionGroup(string Heading, IReadOnlyList<Option> Options)
{
    private const int NameWidth = 30;
    private const int LineWidth = 120;

    /// <summary>The help of a command whose options are in groups.</summary>
    /// <param name="command">The command, without arguments and commands below it.</param>
    /// <param name="groups">All its options.</param>
    /// <param name="output">Where it is written.</param>
    public static void WriteHelp(Command command, IReadOnlyList<OptionGroup> groups, TextWriter output)
    {
        output.Write($"Description:\n  {command.Description}\n\nUsage:\n  distsgd {command.Name} [options]\n\n");
        foreach (OptionGroup group in groups)
        {
            output.Write($"{group.Heading}:\n");
            foreach (Option option in group.Options)
                Write(Shown(option), $"{option.Description}{Default(option)}", output);
            output.Write("\n");
        }
        HelpOption help = command.Parents.OfType<Command>().SelectMany(parent => parent.Options).OfType<HelpOption>().First();
        Write(string.Join(", ", help.Aliases.Append(help.Name)), help.Description ?? "", output);
        output.Write("\n");
    }

    private static string Shown(Option option) => option.HelpName is { Length: > 0 } value ? $"{option.Name} <{value}>" : option.Name;

    private static string Default(Option option) => option.HasDefaultValue && option.ValueType != typeof(bool) ? $" [default: {option.GetDefaultValue()}]" : "";

    // A name, and beside it, or below where it is long, what it means.
    private static void Write(string name, string meaning, TextWriter output)
    {
        string line = $"  {name}".PadRight(NameWidth);
        if (line.Length > NameWidth)
        {
            output.Write($"{line}\n");
            line = new string(' ', NameWidth);
        }
        foreach (string word in meaning.Split(' '))
        {
            if (line.Length + 1 + word.Length > LineWidth)
            {
                output.Write($"{line.TrimEnd()}\n");
                line = new string(' ', NameWidth);
            }
            line += $"{word} ";
        }
        output.Write($"{line.TrimEnd()}\n");
    }
}
