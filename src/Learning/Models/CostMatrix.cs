namespace DistSgd.Learning.Models;

/// <summary>What it costs to predict one class instead of another: Δ(y,ŷ) at y·k + ŷ. Equal if all costs are.</summary>
public sealed class CostMatrix : IEquatable<CostMatrix>
{
    /// <summary>No costs.</summary>
    public static CostMatrix None { get; } = new([]);

    /// <summary>Makes a matrix.</summary>
    /// <param name="values">k·k finite numbers, 0 or more, 0 on the diagonal; kept, not copied.</param>
    /// <exception cref="ArgumentException">Not such numbers.</exception>
    public CostMatrix(float[] values)
    {
        Classes = (int)Math.Sqrt(values.Length);
        if ((long)Classes * Classes != values.Length)
            throw new ArgumentException($"{values.Length} costs are no square matrix.", nameof(values));
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]) || values[i] < 0 || (i % (Classes + 1) == 0 && values[i] != 0))
                throw new ArgumentException($"The cost of class {i % Classes} for {i / Classes} is {values[i]}; expected 0 or more, and 0 on the diagonal.", nameof(values));
        }
        Values = values;
    }

    /// <summary>k.</summary>
    public int Classes { get; }

    internal float[] Values { get; }

    /// <summary>Row after row.</summary>
    public ReadOnlySpan<float> Span => Values;

    /// <summary>Δ(y,ŷ).</summary>
    /// <param name="actual">y.</param>
    /// <param name="predicted">ŷ.</param>
    public float this[int actual, int predicted] => Values[actual * Classes + predicted];

    /// <inheritdoc/>
    public bool Equals(CostMatrix? other) => other is not null && Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CostMatrix);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Values.Length, Values.Length == 0 ? 0 : Values[^2]);
}
