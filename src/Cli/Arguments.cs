using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Cli;

/// <summary>
/// Options with values. All are read as text and turned into numbers and names here: the messages then say what was expected, and no
/// generic code has to be compiled for each type while the process starts.
/// </summary>
internal static class Arguments
{
    /// <summary>An option with a value.</summary>
    /// <param name="name">With its two hyphens.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="fallback">The default, as written; null: none.</param>
    /// <param name="help">What stands for the value in the help.</param>
    public static Option<string?> Text(string name, string description, string? fallback = null, string? help = null)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = help };
        if (fallback is not null)
            option.DefaultValueFactory = _ => fallback;
        return option;
    }

    /// <summary>An option whose value is one of an enumeration's names.</summary>
    public static Option<string?> Choice(string name, string description, Type kind, string? fallback = null) =>
        Text(name, description, fallback, string.Join('|', Names(kind)));

    /// <summary>The option's whole number; null if it isn't given.</summary>
    public static long? Whole(this ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is not { } text ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value
        : throw Unexpected(option, text, "a whole number");

    /// <summary>The option's whole number within 32 bits; null if it isn't given.</summary>
    public static int? Count(this ParseResult parsed, Option<string?> option) =>
        parsed.Whole(option) is not { } value ? null
        : value is >= int.MinValue and <= int.MaxValue ? (int)value
        : throw Unexpected(option, value.ToString(CultureInfo.InvariantCulture), "a number below 2^31");

    /// <summary>The option's number; null if it isn't given.</summary>
    public static double? Number(this ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is not { } text ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value
        : throw Unexpected(option, text, "a number");

    /// <summary>The option's value of an enumeration; null if it isn't given.</summary>
    public static object? Chosen(this ParseResult parsed, Option<string?> option, Type kind)
    {
        if (parsed.GetValue(option) is not { } text)
            return null;
        int place = Array.FindIndex(Names(kind), name => string.Equals(name, text, StringComparison.OrdinalIgnoreCase));
        return place >= 0 ? Enum.GetValues(kind).GetValue(place) : throw Unexpected(option, text, $"one of {string.Join(", ", Names(kind))}");
    }

    /// <summary>Words separated by commas or spaces.</summary>
    public static string[] List(ArgumentResult result) =>
        [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    // "InverseSqrt" is written inverse-sqrt; "AdaGrad" and its like are one word.
    private static string[] Names(Type kind) => Array.ConvertAll(Enum.GetNames(kind), name => kind == typeof(OptimizerKind) ? name.ToLowerInvariant() : KindName.Of(name));

    private static UsageException Unexpected(Option option, string found, string expected) => new($"{option.Name} is '{found}'; expected {expected}.");
}

/// <summary>The command line was not understood.</summary>
/// <param name="message">Which option, what was found, what was expected.</param>
internal sealed class UsageException(string message) : Exception(message);
