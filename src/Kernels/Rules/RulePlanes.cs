namespace DistSgd.Kernels;

/// <summary>Some parameters as planes: their values, and their slots, each side by side. Slots that the rule doesn't have may be empty.</summary>
/// <param name="values">Values.</param>
/// <param name="first">First slots.</param>
/// <param name="second">Second slots.</param>
/// <param name="third">Third slots.</param>
public readonly ref struct RulePlanes(Span<float> values, Span<float> first, Span<float> second, Span<float> third)
{
    /// <summary>Most slots.</summary>
    public const int SlotsMax = 3;

    /// <summary>Values.</summary>
    public Span<float> Values { get; } = values;

    /// <summary>First slots.</summary>
    public Span<float> First { get; } = first;

    /// <summary>Second slots.</summary>
    public Span<float> Second { get; } = second;

    /// <summary>Third slots.</summary>
    public Span<float> Third { get; } = third;

    /// <summary>Number of parameters.</summary>
    public int Count => Values.Length;

    /// <summary>The values, and the slots counted from 1.</summary>
    /// <param name="plane">0: values; 1 to 3: a slot.</param>
    public Span<float> this[int plane] => plane switch
    {
        0 => Values,
        1 => First,
        2 => Second,
        _ => Third,
    };

    /// <summary>Some of the parameters.</summary>
    /// <param name="start">The first.</param>
    /// <param name="count">How many.</param>
    public RulePlanes Slice(int start, int count) => new(Values.Slice(start, count), Part(First, start, count), Part(Second, start, count), Part(Third, start, count));

    private static Span<float> Part(Span<float> plane, int start, int count) => plane.IsEmpty ? plane : plane.Slice(start, count);
}
