namespace DistSgd.Learning.Models;

/// <summary>A named block of parameters.</summary>
/// <param name="Name">Unique in the model.</param>
/// <param name="FirstKey">Its first key.</param>
/// <param name="KeyCount">Its keys.</param>
/// <param name="Shape">Extents of the parameters, outermost first; their product is at most KeyCount · width, and what is left over stays 0.</param>
/// <param name="Regularized">False for biases.</param>
public sealed record LayoutTable(string Name, long FirstKey, long KeyCount, IReadOnlyList<long> Shape, bool Regularized)
{
    /// <summary>True for running statistics: a gradient push holds a change that is added to them as it is, which makes them averages over all workers.</summary>
    public bool IsAveraged { get; init; }

    /// <summary>Parameters.</summary>
    public long Count => Shape.Aggregate(1L, (product, extent) => product * extent);
}

/// <summary>
/// Where a model's parameters lie in its key space: key j holds the positions j·width … j·width+width−1, one float each. Keys below
/// the number of features belong to one feature each; those behind them (the tail: biases, further layers) are part of every row. Immutable.
/// </summary>
/// <param name="Width">Floats a key, at least 1.</param>
/// <param name="Tables">In key order, without gaps.</param>
public sealed record ParameterLayout(int Width, IReadOnlyList<LayoutTable> Tables)
{
    /// <summary>All keys.</summary>
    public long KeyCount => Tables[^1].FirstKey + Tables[^1].KeyCount;

    /// <summary>All positions.</summary>
    public long PositionCount => KeyCount * Width;
}
