using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DistSgd.Kernels;

namespace DistSgd.Bench.Kernels;

/// <summary>The most multiplications and additions a core can do: independent chains in registers, no memory.</summary>
internal static class FmaPeak
{
    /// <summary>Name of the figure of <see cref="RunOne"/>.</summary>
    public const string One = "FMA peak, 1 thread";

    private const string Two = "FMA peak, 2 threads";
    private const int Chains = 16;
    private const int RoundsOfOne = 100_000;

    // So many that starting a thread is nothing beside them.
    private const int RoundsOfTwo = 5_000_000;

    /// <summary>Runs on this thread.</summary>
    public static void RunOne() => Run(RoundsOfOne);

    /// <summary>Runs on two threads at once: what a second thread can give at most.</summary>
    public static void RunTwo()
    {
        var other = new Thread(() => Run(RoundsOfTwo));
        other.Start();
        Run(RoundsOfTwo);
        other.Join();
    }

    /// <summary>Operations a second of one thread.</summary>
    /// <param name="seconds">The shortest time of <see cref="RunOne"/>.</param>
    public static double Rate(double seconds) => Operations(RoundsOfOne) / seconds;

    /// <summary>Both figures.</summary>
    /// <param name="secondsOfOne">The shortest time of <see cref="RunOne"/>.</param>
    /// <param name="secondsOfTwo">The shortest time of <see cref="RunTwo"/>.</param>
    public static IEnumerable<BenchRow> Rows(double secondsOfOne, double secondsOfTwo)
    {
        double one = Rate(secondsOfOne), two = 2 * Operations(RoundsOfTwo) / secondsOfTwo;
        return [new BenchRow(One, one / 1e9, "GFLOP/s", "", 1), new BenchRow(Two, two / 1e9, "GFLOP/s", One, two / one)];
    }

    private static double Operations(int rounds) => 2.0 * rounds * Chains * (KernelForms.Best == KernelForm.Avx512 ? 16 : 8);

    private static float Run(int rounds) => KernelForms.Best == KernelForm.Avx512 ? Wide(rounds) : Narrow(rounds);

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Wide(int rounds)
    {
        var (x, y) = (Vector512.Create(0.999f), Vector512.Create(0.001f));
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x, m = x, n = x, o = x, p = x;
        for (; rounds > 0; rounds--)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
            m = Vector512.FusedMultiplyAdd(m, x, y);
            n = Vector512.FusedMultiplyAdd(n, x, y);
            o = Vector512.FusedMultiplyAdd(o, x, y);
            p = Vector512.FusedMultiplyAdd(p, x, y);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Narrow(int rounds)
    {
        // Eight chains twice over: as many operations as Wide counts, within 16 registers.
        var (x, y) = (Vector256.Create(0.999f), Vector256.Create(0.001f));
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x;
        for (; rounds > 0; rounds--)
        {
            for (var twice = 0; twice < 2; twice++)
            {
                a = Vector256.FusedMultiplyAdd(a, x, y);
                b = Vector256.FusedMultiplyAdd(b, x, y);
                c = Vector256.FusedMultiplyAdd(c, x, y);
                d = Vector256.FusedMultiplyAdd(d, x, y);
                e = Vector256.FusedMultiplyAdd(e, x, y);
                f = Vector256.FusedMultiplyAdd(f, x, y);
                g = Vector256.FusedMultiplyAdd(g, x, y);
                h = Vector256.FusedMultiplyAdd(h, x, y);
            }
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h);
    }
}
