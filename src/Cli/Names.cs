using System.CommandLine;
using System.CommandLine.Parsing;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Cli;

/// <summary>Option values of more than one word or several parts.</summary>
internal static class Names
{
    /// <summary>An option with one of an enumeration's names.</summary>
    public static Option<T> Choice<T>(string name, string description, T fallback)
        where T : struct, Enum => new(name)
        {
            Description = description,
            HelpName = Listed<T>("|"),
            DefaultValueFactory = _ => fallback,
            CustomParser = Parse<T>,
        };

    /// <summary>The same without a default.</summary>
    public static Option<T?> OptionalChoice<T>(string name, string description)
        where T : struct, Enum => new(name)
        {
            Description = description,
            HelpName = Listed<T>("|"),
            CustomParser = result => Parse<T>(result),
        };

    /// <summary>How an enumeration's value is written on the command line.</summary>
    public static string Written<T>(T value)
        where T : struct, Enum => value switch
        {
            OptimizerKind.AdaGrad => "adagrad",
            ScheduleKind.InverseSqrt => "inverse-sqrt",
            _ => value.ToString().ToLowerInvariant(),
        };

    /// <summary>Words separated by commas or spaces.</summary>
    public static string[] ParseList(ArgumentResult result) =>
        [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    private static string Listed<T>(string separator)
        where T : struct, Enum => string.Join(separator, Enum.GetValues<T>().Select(Written));

    private static T Parse<T>(ArgumentResult result)
        where T : struct, Enum
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        foreach (T value in Enum.GetValues<T>())
        {
            if (string.Equals(text, Written(value), StringComparison.OrdinalIgnoreCase))
                return value;
        }
        string option = result.Parent is OptionResult parent ? parent.Option.Name : "";
        result.AddError($"{option} is '{text}'; expected one of {Listed<T>(", ")}.");
        return default;
    }
}
