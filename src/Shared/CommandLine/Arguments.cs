using System.CommandLine;
using System.Globalization;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Exchange;

namespace DistSgd.Shared.CommandLine;

/// <summary>
/// The options of every command: how they are declared, checked and read. All values are read as text, so that no generic code has to be compiled for each type while a process starts,
/// and checked in one place, <see cref="Check"/>, before a command begins.
/// </summary>
public static class Arguments
{
    // "InverseSqrt" is written inverse-sqrt; update rules have names of their own.
    private static string[] Names(Type kind) => kind == typeof(OptimizerKind) ? [.. UpdateRules.All.Select(rule => rule.Facts.Name)] : Array.ConvertAll(Enum.GetNames(kind), KindName.Of);

    /// <summary>An option whose value is a number of a range.</summary>
    /// <param name="range">Also names the option.</param>
    /// <param name="description">One sentence; the range is added to it.</param>
    /// <param name="fallback">The default, as written; null: none.</param>
    /// <param name="help">What stands for the value in the help.</param>
    public static ValueOption Number(NumberRange range, string description, string? fallback = null, string help = "N") =>
        new(range.Option, description, help, fallback, range.Admits, range.Expected, range);

    /// <summary>An option whose value is one of an enumeration's names.</summary>
    public static ValueOption Choice(string name, string description, Type kind, string? fallback = null) => Choice(name, description, Names(kind), fallback);

    /// <summary>An option whose value is one of a few words.</summary>
    public static ValueOption Choice(string name, string description, string[] words, string? fallback = null) =>
        new(name, description, string.Join('|', words), fallback, text => words.Contains(text, StringComparer.OrdinalIgnoreCase), words.Length == 1 ? words[0] : $"one of {string.Join(", ", words)}");

    /// <summary>An option whose value is text of a form of its own.</summary>
    /// <param name="name">Of the option.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="help">What stands for the value in the help.</param>
    /// <param name="admits">Whether a text has the form.</param>
    /// <param name="expected">The form, for the end of a sentence.</param>
    /// <param name="fallback">The default, as written; null: none.</param>
    public static ValueOption Text(string name, string description, string help, Func<string, bool> admits, string expected, string? fallback = null) =>
        new(name, description, help, fallback, admits, expected);

    /// <summary>An option whose value names a file.</summary>
    public static ValueOption FilePath(string name, string description, string? fallback = null, string help = "FILE") =>
        new(name, description, help, fallback, IsFilePath, FileExpected);

    /// <summary>An option whose value is the address of a server.</summary>
    public static ValueOption Address(string name, string description) => new(name, description, "HOST:PORT", null, ServerAddress.IsValid, "host:port, for example 10.0.0.5:7070");

    /// <summary>An option whose value is an address to listen on.</summary>
    public static ValueOption ListenAddress(string name, string description, string fallback) =>
        new(name, description, "HOST:PORT", fallback, text => ServerAddress.IsValid(text) || (text.EndsWith(":0", StringComparison.Ordinal) && ServerAddress.IsValid($"{text[..^1]}1")),
            "host:port, for example 0.0.0.0:7070, or port 0 for a free one");

    /// <summary>An option whose value is the addresses of several servers.</summary>
    public static ValueOption Addresses(string name, string description) =>
        new(name, description, "HOST:PORT,…", null, AreAddresses, "host:port of each server, separated by commas, none twice, for example 10.0.0.5:7070,10.0.0.6:7070");

    /// <summary>An option that is given or not.</summary>
    public static Option<bool> Flag(string name, string description) => new(name) { Description = description, Arity = ArgumentArity.Zero };

    /// <summary>Whether the option stands on the command line.</summary>
    public static bool IsGiven(this ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>The option's whole number; null if it isn't given and has no default.</summary>
    public static long? Whole(this ParseResult parsed, ValueOption option) => parsed.GetValue(option) is { } text ? long.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>The option's whole number within 32 bits; null if it isn't given and has no default.</summary>
    public static int? Count(this ParseResult parsed, ValueOption option) => (int?)parsed.Whole(option);

    /// <summary>The option's number; null if it isn't given and has no default.</summary>
    public static double? Number(this ParseResult parsed, ValueOption option) => parsed.GetValue(option) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>The option's seconds; null if it isn't given and has no default.</summary>
    public static TimeSpan? Seconds(this ParseResult parsed, ValueOption option) => parsed.Whole(option) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>The option's value of an enumeration; null if it isn't given and has no default.</summary>
    public static object? Chosen(this ParseResult parsed, ValueOption option, Type kind) => parsed.GetValue(option) is { } text
        ? Enum.Parse(kind, Enum.GetNames(kind)[Array.FindIndex(Names(kind), name => string.Equals(name, text, StringComparison.OrdinalIgnoreCase))])
        : null;

    /// <summary>The option's addresses; empty if it isn't given.</summary>
    public static string[] Servers(this ParseResult parsed, ValueOption option) => parsed.GetValue(option)?.Split(',', StringSplitOptions.TrimEntries) ?? [];

    /// <summary>Sees that each value of a command is what its option takes.</summary>
    /// <exception cref="UsageException">One isn't: the option, its value, and what was expected.</exception>
    public static void Check(ParseResult parsed)
    {
        foreach (Option option in parsed.CommandResult.Command.Options)
        {
            if (option is ValueOption value && parsed.GetResult(option) is { Implicit: false } && parsed.GetValue(value) is { } text && !value.Admits(text))
                throw new UsageException(Refusal(option.Name, text, value.Expected));
        }
        // One text is a file's name; a command looks at lists itself.
        foreach (Argument<string> argument in parsed.CommandResult.Command.Arguments.OfType<Argument<string>>())
        {
            if (parsed.GetResult(argument)?.Tokens is [{ Value: var text }] && !IsFilePath(text))
                throw new UsageException(Refusal(argument.Name, text, FileExpected));
        }
    }

    /// <summary>The sentence that refuses a value.</summary>
    public static string Refusal(string option, string found, string expected) => $"{option} is '{found}'; expected {expected}.";

    private const string FileExpected = "the name of a file";

    private static bool IsFilePath(string text) => text.Trim().Length > 0 && !text.Contains('\0', StringComparison.Ordinal);

    private static bool AreAddresses(string text)
    {
        string[] servers = text.Split(',', StringSplitOptions.TrimEntries);
        return servers.All(ServerAddress.IsValid) && servers.Distinct(StringComparer.OrdinalIgnoreCase).Count() == servers.Length;
    }
}

/// <summary>The command line was not understood, or asks for what makes no sense; nothing has been done.</summary>
/// <param name="message">Which option, what was found, what was expected.</param>
public sealed class UsageException(string message) : Exception(message);
