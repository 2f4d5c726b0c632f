using System.Globalization;

namespace DistSgd.Shared.CommandLine;

/// <summary>The numbers that an option takes: stated once, for the command line, its help, its documents and the C# API. Immutable.</summary>
public sealed class NumberRange
{
    private NumberRange(string option, bool isWhole, long min, long max)
    {
        Option = option;
        IsWhole = isWhole;
        Min = min;
        Max = max;
    }

    /// <summary>The option's name, with its two hyphens.</summary>
    public string Option { get; }

    /// <summary>Whether only whole numbers are taken.</summary>
    public bool IsWhole { get; }

    /// <summary>The least whole number. For others: 0 if 0 is taken, 1 if only what is above it.</summary>
    public long Min { get; }

    /// <summary>The largest whole number. For others: 1 if only what is below 1 is taken, else no bound but that they are finite.</summary>
    public long Max { get; }

    /// <summary>Whether the number is used as float32: what is taken must lie within the bounds as one too.</summary>
    public bool IsSingle { get; private init; }

    /// <summary>What is taken, for the end of a sentence.</summary>
    public string Expected => IsWhole ? string.Create(CultureInfo.InvariantCulture, $"a whole number, {Min:N0} to {Max:N0}") : IsSingle ? $"{Bounds}, in float32" : Bounds;

    private string Bounds => Max == 1 ? Min == 0 ? "a number from 0 to below 1" : "a number above 0 and below 1"
        : Min == 0 ? "a number, 0 or more" : "a number above 0";

    /// <summary>Whole numbers, both bounds included.</summary>
    public static NumberRange Whole(string option, long min, long max = int.MaxValue) => new(option, isWhole: true, min, max);

    /// <summary>Finite numbers above 0.</summary>
    public static NumberRange Positive(string option) => new(option, isWhole: false, 1, long.MaxValue);

    /// <summary>Numbers above 0 and below 1.</summary>
    public static NumberRange Fraction(string option) => new(option, isWhole: false, 1, 1);

    /// <summary>Finite numbers of 0 or more.</summary>
    public static NumberRange NotNegative(string option) => new(option, isWhole: false, 0, long.MaxValue);

    /// <summary>Numbers from 0 to below 1.</summary>
    public static NumberRange Share(string option) => new(option, isWhole: false, 0, 1);

    /// <summary>The same numbers, as float32.</summary>
    public NumberRange InSingle() => new(Option, IsWhole, Min, Max) { IsSingle = true };

    /// <summary>Whether the text is such a number.</summary>
    public bool Admits(string text) => IsWhole
        ? long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) && Admits(whole)
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && Admits(number);

    /// <summary>Whether the whole number is taken.</summary>
    public bool Admits(long value) => value >= Min && value <= Max;

    /// <summary>Whether the number is taken.</summary>
    public bool Admits(double value) => Holds(value) && (!IsSingle || Holds((float)value));

    private bool Holds(double value) => double.IsFinite(value) && (Min == 0 ? value >= 0 : value > 0) && (Max > 1 || value < 1);

    /// <summary>Null, or the sentence that refuses the value; a value that isn't given is taken.</summary>
    public string? Refusal(long? value) => value is null || Admits(value.Value) ? null : Arguments.Refusal(Option, value.Value.ToString(CultureInfo.InvariantCulture), Expected);

    /// <summary>Null, or the sentence that refuses the value; a value that isn't given is taken.</summary>
    public string? Refusal(double? value) => value is null || Admits(value.Value) ? null : Arguments.Refusal(Option, value.Value.ToString(CultureInfo.InvariantCulture), Expected);
}
