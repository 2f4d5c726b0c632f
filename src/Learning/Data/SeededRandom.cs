using System.Numerics;
using System.Runtime.CompilerServices;

namespace DistSgd.Learning.Data;

/// <summary>
/// The project's random numbers: xoshiro256** (Blackman and Vigna 2018), its state filled by SplitMix64 from the seed. The same seed gives the same numbers on every
/// machine: only IEEE operations are used, and the logarithm is our own. Not for secrets. One thread at a time.
/// </summary>
public sealed class SeededRandom
{
    private Xoshiro _numbers;
    private double _spareGaussian = double.NaN;

    /// <summary>A stream of numbers.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="stream">Streams of one seed with different numbers are independent, e.g. one for each epoch.</param>
    public SeededRandom(long seed, long stream = 0) => _numbers = Begin(seed, stream);

    /// <summary>The next 64 random bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong NextUInt64() => _numbers.Next();

    /// <summary>A multiple of 2⁻⁵³, uniform in [0, 1).</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A whole number, uniform in [0, <paramref name="bound"/>), without bias (Lemire 2019).</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bound"/> is below 1.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        return _numbers.Next(bound);
    }

    /// <summary>A normally distributed number with mean 0 and variance 1 (Marsaglia's polar method).</summary>
    public double NextGaussian()
    {
        if (!double.IsNaN(_spareGaussian))
        {
            double spare = _spareGaussian;
            _spareGaussian = double.NaN;
            return spare;
        }
        double u, v, s;
        do
        {
            u = (2 * NextDouble()) - 1;
            v = (2 * NextDouble()) - 1;
            s = (u * u) + (v * v);
        }
        while (s is >= 1 or 0);
        double factor = Math.Sqrt(-2 * PortableMath.Log(s) / s);
        _spareGaussian = v * factor;
        return u * factor;
    }

    /// <summary>Puts items into a random order, each order equally likely (Fisher and Yates).</summary>
    public void Shuffle(Span<int> items) => _numbers = Shuffle(_numbers, items);

    /// <summary>Puts items into the random order that is the first of a seed's stream; allocates nothing.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="items">Shuffled.</param>
    public static void Shuffle(long seed, Span<int> items) => Shuffle(Begin(seed, 0), items);

    private static Xoshiro Begin(long seed, long stream)
    {
        ulong state = (ulong)seed ^ Mix((ulong)stream + 0x9E3779B97F4A7C15UL);
        return new Xoshiro(SplitMix(ref state), SplitMix(ref state), SplitMix(ref state), SplitMix(ref state));
    }

    // The copy stays in registers.
    private static Xoshiro Shuffle(Xoshiro numbers, Span<int> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = numbers.Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
        return numbers;
    }

    /// <summary>SplitMix64's output function: scrambles 64 bits, one to one.</summary>
    internal static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9UL;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBUL;
        return bits ^ (bits >> 31);
    }

    private static ulong SplitMix(ref ulong state) => Mix(state += 0x9E3779B97F4A7C15UL);

    private struct Xoshiro(ulong s0, ulong s1, ulong s2, ulong s3)
    {
        private ulong _s0 = s0;
        private ulong _s1 = s1;
        private ulong _s2 = s2;
        private ulong _s3 = s3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Next()
        {
            ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
            ulong t = _s1 << 17;
            _s2 ^= _s0;
            _s3 ^= _s1;
            _s1 ^= _s2;
            _s0 ^= _s3;
            _s2 ^= t;
            _s3 = BitOperations.RotateLeft(_s3, 45);
            return result;
        }

        // The bound is at least 1.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Next(int bound)
        {
            ulong product = (Next() >> 32) * (uint)bound;
            if ((uint)product < (uint)bound)
            {
                uint rejected = (uint)(0 - (uint)bound) % (uint)bound;
                while ((uint)product < rejected) product = (Next() >> 32) * (uint)bound;
            }
            return (int)(product >> 32);
        }
    }
}
