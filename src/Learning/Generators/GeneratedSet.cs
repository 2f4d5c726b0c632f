namespace DistSgd.Learning.Generators;

/// <summary>What was generated, and how well it can be predicted by one who knows the truth it was drawn from.</summary>
public sealed record GeneratedSet
{
    /// <summary>Rows.</summary>
    public required long Rows { get; init; }

    /// <summary>Indices and values.</summary>
    public required long NonZeros { get; init; }

    /// <summary>Share of positive labels; NaN for real targets.</summary>
    public double PositiveRate { get; init; } = double.NaN;

    /// <summary>
    /// The smallest loss that can be expected on this very set. Classes: the mean over its rows of the entropy of the true probability (natural logarithm). Real targets: half the
    /// variance of the noise, for the loss ½(f − y)².
    /// </summary>
    public required double BestLoss { get; init; }

    /// <summary>The largest accuracy that can be expected on this very set: the mean of max(p, 1 − p); NaN for real targets.</summary>
    public double BestAccuracy { get; init; } = double.NaN;

    /// <summary>Variance of the noise added to real targets; NaN for classes.</summary>
    public double NoiseVariance { get; init; } = double.NaN;
}

/// <summary>Adds up <see cref="GeneratedSet"/> while labels are drawn from their true probabilities.</summary>
internal sealed class ClassTally
{
    private long _rows;
    private long _positives;
    private double _entropy;
    private double _accuracy;

    public void Add(double probability, bool isPositive)
    {
        _rows++;
        if (isPositive) _positives++;
        _accuracy += Math.Max(probability, 1 - probability);
        _entropy -= PartOfEntropy(probability) + PartOfEntropy(1 - probability);
    }

    public GeneratedSet Finish(long nonZeros) => new()
    {
        Rows = _rows,
        NonZeros = nonZeros,
        PositiveRate = (double)_positives / _rows,
        BestLoss = _entropy / _rows,
        BestAccuracy = _accuracy / _rows,
    };

    private static double PartOfEntropy(double p) => p > 1e-300 ? p * Data.PortableMath.Log(p) : 0;
}
