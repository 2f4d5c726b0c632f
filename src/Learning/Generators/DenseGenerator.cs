using DistSgd.Learning.Data;

namespace DistSgd.Learning.Generators;

/// <summary>
/// Rows of D normal features, rounded to four decimals. Real targets: y = w·x + b + noise. Classes: +1 with probability σ(w·x + b), else −1. Weights are normal, scaled so that w·x
/// has a standard deviation of about 1 (real targets) or 3 (classes). Drawn from the seed alone, the same on every machine.
/// </summary>
public sealed class DenseGenerator
{
    /// <summary>Largest number of features: a row's text stays below the longest line that is read.</summary>
    public const int FeaturesMax = 1_000_000;

    private const double Bias = 0.5;
    private const double ClassScale = 3;
    private const double Rounding = 10_000;

    private readonly double[] _weights;
    private readonly LearningTask _task;
    private readonly double _noiseDeviation;
    private readonly long _seed;
    private readonly uint[] _indices;
    private readonly float[] _values;

    /// <summary>A generator.</summary>
    /// <param name="features">D, from 1 to <see cref="FeaturesMax"/>.</param>
    /// <param name="seed">Any number.</param>
    /// <param name="task">Classes or real targets.</param>
    /// <param name="noiseDeviation">Standard deviation of the noise added to real targets.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no feature or too many, or the noise is negative or not finite.</exception>
    public DenseGenerator(int features, long seed, LearningTask task, double noiseDeviation = 0.1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(features, FeaturesMax);
        if (!double.IsFinite(noiseDeviation) || noiseDeviation < 0) throw new ArgumentOutOfRangeException(nameof(noiseDeviation), noiseDeviation, "Expected a finite number of at least 0.");
        _seed = seed;
        _task = task;
        _noiseDeviation = noiseDeviation;
        _indices = new uint[features];
        _values = new float[features];
        _weights = new double[features];
        var random = new SeededRandom(seed, stream: 2);
        double scale = (task == LearningTask.Classification ? ClassScale : 1) / Math.Sqrt(features);
        for (int i = 0; i < features; i++)
        {
            _indices[i] = (uint)i;
            _weights[i] = scale * random.NextGaussian();
        }
    }

    /// <summary>The weights that targets are drawn from.</summary>
    public IReadOnlyList<double> TrueWeights => _weights;

    /// <summary>Generates rows.</summary>
    /// <param name="rows">How many, at least 1.</param>
    /// <param name="sink">Receives them.</param>
    /// <param name="cancellationToken">Gives up between rows.</param>
    /// <returns>What was generated, and the best loss that can be reached on it.</returns>
    public GeneratedSet Generate(long rows, IRowSink sink, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        var random = new SeededRandom(_seed, stream: 1);
        var tally = new ClassTally();
        for (long row = 0; row < rows; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double score = Bias;
            for (int i = 0; i < _values.Length; i++)
            {
                _values[i] = (float)(Math.Round(random.NextGaussian() * Rounding) / Rounding);
                score += _weights[i] * _values[i];
            }
            sink.Add(Label(random, score, tally), _indices, _values);
        }
        long nonZeros = rows * _values.Length;
        if (_task == LearningTask.Classification) return tally.Finish(nonZeros);
        double variance = _noiseDeviation * _noiseDeviation;
        return new GeneratedSet { Rows = rows, NonZeros = nonZeros, BestLoss = variance / 2, NoiseVariance = variance };
    }

    private float Label(SeededRandom random, double score, ClassTally tally)
    {
        if (_task == LearningTask.Regression) return (float)(score + (_noiseDeviation * random.NextGaussian()));
        double probability = PortableMath.Sigmoid(score);
        bool isPositive = random.NextDouble() < probability;
        tally.Add(probability, isPositive);
        return isPositive ? 1 : -1;
    }
}
