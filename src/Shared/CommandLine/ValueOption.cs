using System.CommandLine;

namespace DistSgd.Shared.CommandLine;

/// <summary>An option with a value, read as text, and what that text must be.</summary>
public sealed class ValueOption : Option<string?>
{
    internal ValueOption(string name, string description, string? help, string? fallback, Func<string, bool> admits, string expected, NumberRange? range = null)
        : base(name)
    {
        Description = range is null ? description : $"{description} Expected: {range.Expected}.";
        HelpName = help;
        Admits = admits;
        Expected = expected;
        Range = range;
        if (fallback is not null)
            DefaultValueFactory = _ => fallback;
    }

    /// <summary>Whether a text will do.</summary>
    public Func<string, bool> Admits { get; }

    /// <summary>What will do, for the end of a sentence.</summary>
    public string Expected { get; }

    /// <summary>The range, if the value is a number.</summary>
    public NumberRange? Range { get; }
}
