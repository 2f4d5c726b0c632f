using DistSgd.Learning.Data;

namespace DistSgd.Learning.Generators;

/// <summary>
/// Rows like those of a click log: 40 fields, each present three times in four. Of 36 categorical ones, the value has a rank drawn with probability proportional to 1/rank (Zipf), field and rank
/// are hashed into D features of value 1; the other four carry a number in (0, 1]. The label is 1 with probability σ(w·x + b), else 0; w is normal, b is set so that about a quarter
/// of the labels are 1. Every row is drawn from the seed alone, the same on every machine.
/// </summary>
public sealed class ClicksGenerator
{
    /// <summary>Most non-zeros a row can have.</summary>
    public const int RowNonZerosMax = Fields;

    /// <summary>Least number of features.</summary>
    public const int FeaturesMin = 64;

    /// <summary>Largest number of features.</summary>
    public const int FeaturesMax = 1_000_000_000;

    private const int Fields = 40;
    private const int NumericFields = 4;
    private const int NumericSteps = 16;
    private const double WeightScale = 0.35;
    private const double PositiveRateAimed = 0.25;
    private const int PilotRows = 4_000;
    private const int BisectionSteps = 50;

    private readonly uint _features;
    private readonly long _seed;
    private readonly double[] _logRanks = new double[Fields]; // ln(1 + values) of each field
    private readonly double _bias;

    /// <summary>A generator.</summary>
    /// <param name="features">D, the number of features; from <see cref="FeaturesMin"/> to <see cref="FeaturesMax"/>.</param>
    /// <param name="seed">Any number.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="features"/> is out of its range.</exception>
    public ClicksGenerator(uint features, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, (uint)FeaturesMin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(features, (uint)FeaturesMax);
        _features = features;
        _seed = seed;
        double logFeatures = PortableMath.Log(features);
        for (int f = 0; f < Fields; f++) _logRanks[f] = PortableMath.Log(1 + Math.Floor(PortableMath.Exp(PortableMath.Log(2) + ((logFeatures - PortableMath.Log(2)) * f / (Fields - 1)))));
        _bias = FindBias();
    }

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
        Span<uint> indices = stackalloc uint[Fields];
        Span<float> values = stackalloc float[Fields];
        long nonZeros = 0;
        for (long row = 0; row < rows; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = Draw(random, indices, values);
            double probability = PortableMath.Sigmoid(_bias + Score(indices[..count], values[..count]));
            bool isPositive = random.NextDouble() < probability;
            tally.Add(probability, isPositive);
            sink.Add(isPositive ? 1 : 0, indices[..count], values[..count]);
            nonZeros += count;
        }
        return tally.Finish(nonZeros);
    }

    /// <summary>Draws a row's features, sorted by index; where two fields meet in one feature, the first stays.</summary>
    private int Draw(SeededRandom random, Span<uint> indices, Span<float> values)
    {
        int count = 0;
        ulong present = random.NextUInt64();
        ulong second = random.NextUInt64();
        for (int field = 0; field < Fields; field++)
        {
            // Two random bits a field: present unless both are 0.
            if ((((present | second) >> field) & 1) == 0) continue;
            bool isNumeric = field < NumericFields;
            ulong bits = random.NextUInt64();
            double uniform = (bits >> 11) * (1.0 / (1UL << 53));
            ulong rank = isNumeric ? 0 : (ulong)PortableMath.Exp(uniform * _logRanks[field]); // ⌊(1 + values)^u⌋: P(rank = k) ∝ ln(1 + 1/k)
            uint index = (uint)(((UInt128)SeededRandom.Mix(((ulong)field << 40) + rank) * _features) >> 64);
            float value = isNumeric ? (float)(1 + (bits & (NumericSteps - 1))) / NumericSteps : 1;
            count = Insert(indices, values, count, index, value);
        }
        return count;
    }

    private static int Insert(Span<uint> indices, Span<float> values, int count, uint index, float value)
    {
        int at = count;
        while (at > 0 && indices[at - 1] > index) at--;
        if (at > 0 && indices[at - 1] == index) return count;
        for (int i = count; i > at; i--)
        {
            indices[i] = indices[i - 1];
            values[i] = values[i - 1];
        }
        indices[at] = index;
        values[at] = value;
        return count + 1;
    }

    private double Score(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        double score = 0;
        for (int i = 0; i < indices.Length; i++) score += Weight(indices[i]) * values[i];
        return score;
    }

    /// <summary>The true weight of a feature: the sum of four uniform numbers, nearly normal, drawn from seed and index so that nothing need be stored.</summary>
    private double Weight(uint index)
    {
        ulong bits = SeededRandom.Mix((ulong)_seed ^ SeededRandom.Mix(index + 0x51ED270B9A1FUL));
        double sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
        return WeightScale * 1.7320508075688772 * ((sum / 65535) - 2);
    }

    /// <summary>Bisects for the bias that gives the aimed positive rate on rows drawn for this alone.</summary>
    private double FindBias()
    {
        var random = new SeededRandom(_seed, stream: 2);
        Span<uint> indices = stackalloc uint[Fields];
        Span<float> values = stackalloc float[Fields];
        double[] scores = new double[PilotRows];
        for (int i = 0; i < PilotRows; i++)
        {
            int count = Draw(random, indices, values);
            scores[i] = Score(indices[..count], values[..count]);
        }
        double low = -100;
        double high = 100;
        for (int step = 0; step < BisectionSteps; step++)
        {
            double middle = (low + high) / 2;
            double rate = 0;
            foreach (double score in scores) rate += PortableMath.Sigmoid(middle + score);
            if (rate / PilotRows < PositiveRateAimed) low = middle;
            else high = middle;
        }
        return (low + high) / 2;
    }
}
