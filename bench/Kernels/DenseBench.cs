using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Bench.Kernels;

/// <summary>
/// Whole-array kernels over memory and inside the second-level cache, compared with a bare vectorised loop over the same bytes:
/// as many arrays read, as many written, one addition per element.
/// </summary>
public static class DenseBench
{
    private const int MemoryFloats = 16 << 20;
    private const int CacheFloats = 64 << 10;
    private const int CacheRepeats = 64;
    private const float Rate = 1e-3f;
    private const string ReadOne = "bare loop, 1 array read";
    private const string ReadTwo = "bare loop, 2 arrays read";
    private const string WriteOne = "bare loop, 2 arrays read, 1 written";
    private const string WriteTwo = "bare loop, 3 arrays read, 2 written";
    private const string WriteThree = "bare loop, 4 arrays read, 3 written";

    private static readonly StepAt Step = new(Rate, 1);

    /// <summary>Measures arrays of 16 M floats (memory) and of 64 K floats (256 KiB each, second-level cache).</summary>
    /// <param name="rounds">How often each piece of work is timed; the shortest counts.</param>
    /// <param name="sink">Receives the figures.</param>
    public static void Run(int rounds, Action<BenchRow> sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        Run("16 M floats", MemoryFloats, 1, rounds, sink);
        Run("64 K floats", CacheFloats, CacheRepeats, 4 * rounds, sink);
    }

    private static void Run(string size, int length, int repeats, int rounds, Action<BenchRow> sink)
    {
        using var first = new NativeBuffer<float>(length);
        using var second = new NativeBuffer<float>(length);
        using var third = new NativeBuffer<float>(length);
        using var fourth = new NativeBuffer<float>(length);
        var (x, y, z, u) = (first.AsMemory(0, length), second.AsMemory(0, length), third.AsMemory(0, length), fourth.AsMemory(0, length));
        // Touched and not zero, so that every page is real and the arithmetic is ordinary.
        for (var i = 0; i < length; i++) (x.Span[i], y.Span[i], z.Span[i], u.Span[i]) = (1e-3f * (i & 7), 1f, 1f, 1f);
        var clock = new Stopclock();
        void Add(string name, Action work) => clock.Add(name, () => Repeat(work, repeats));

        Add(ReadOne, () => Bare.ReadOne(x.Span));
        Add(ReadTwo, () => Bare.ReadTwo(x.Span, y.Span));
        Add(WriteOne, () => Bare.WriteOne(x.Span, y.Span));
        Add(WriteTwo, () => Bare.WriteTwo(x.Span, y.Span, z.Span));
        Add("dot", () => DenseDot.Compute(x.Span, y.Span));
        Add("all finite", () => AllFinite.Check(x.Span));
        Add("axpy", () => Axpy.Apply(Rate, x.Span, y.Span));
        Add(WriteThree, () => Bare.WriteThree(x.Span, y.Span, z.Span, u.Span));
        foreach (RuleForm form in UpdateRules.All)
        {
            var rule = new UpdateRule { Optimizer = form.Kind, Schedule = new Schedule(ScheduleKind.Constant, Rate) };
            Add(Apply(form), () => form.Whole.Step(rule, Step, x.Span, new RulePlanes(y.Span, z.Span, u.Span, default)));
        }

        Add("exp", () => VectorExp.Apply(x.Span, z.Span));
        Add("log1p", () => VectorLog1p.Apply(x.Span, z.Span));
        clock.Run(rounds);
        foreach (var name in clock.Names)
        {
            var limit = LimitOf(name);
            var cycles = clock[name] / clock.CycleSeconds / length / repeats;
            sink(new BenchRow($"{size}: {name}", cycles, "cycles/element", limit == name ? "" : limit, clock[limit] / clock[name]));
        }
    }

    private static string LimitOf(string name) => name switch
    {
        "dot" => ReadTwo,
        "all finite" => ReadOne,
        "axpy" or "exp" or "log1p" => WriteOne,
        _ => UpdateRules.All.FirstOrDefault(form => Apply(form) == name)?.Whole.Slots switch
        {
            0 => WriteOne,
            1 => WriteTwo,
            2 => WriteThree,
            _ => name,
        },
    };

    private static string Apply(RuleForm form) => $"{form.Facts.Name} apply";

    private static void Repeat(Action work, int repeats)
    {
        for (var i = 0; i < repeats; i++) work();
    }
}

/// <summary>The limits: loops that move the bytes and add, nothing else.</summary>
internal static class Bare
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float ReadOne(Span<float> x)
    {
        ref float a = ref MemoryMarshal.GetReference(x);
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (nuint i = 0; i < (nuint)x.Length; i += 32)
        {
            sum0 += Vector512.LoadUnsafe(ref a, i);
            sum1 += Vector512.LoadUnsafe(ref a, i + 16);
        }

        return Vector512.Sum(sum0 + sum1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float ReadTwo(Span<float> x, Span<float> y)
    {
        ref float a = ref MemoryMarshal.GetReference(x);
        ref float b = ref MemoryMarshal.GetReference(y);
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (nuint i = 0; i < (nuint)x.Length; i += 16)
        {
            sum0 += Vector512.LoadUnsafe(ref a, i);
            sum1 += Vector512.LoadUnsafe(ref b, i);
        }

        return Vector512.Sum(sum0 + sum1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WriteOne(Span<float> x, Span<float> y)
    {
        ref float a = ref MemoryMarshal.GetReference(x);
        ref float b = ref MemoryMarshal.GetReference(y);
        for (nuint i = 0; i < (nuint)x.Length; i += 16) (Vector512.LoadUnsafe(ref a, i) + Vector512.LoadUnsafe(ref b, i)).StoreUnsafe(ref b, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WriteTwo(Span<float> x, Span<float> y, Span<float> z)
    {
        ref float a = ref MemoryMarshal.GetReference(x);
        ref float b = ref MemoryMarshal.GetReference(y);
        ref float c = ref MemoryMarshal.GetReference(z);
        for (nuint i = 0; i < (nuint)x.Length; i += 16)
        {
            var sum = Vector512.LoadUnsafe(ref a, i) + Vector512.LoadUnsafe(ref b, i);
            sum.StoreUnsafe(ref b, i);
            (sum + Vector512.LoadUnsafe(ref c, i)).StoreUnsafe(ref c, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WriteThree(Span<float> x, Span<float> y, Span<float> z, Span<float> u)
    {
        ref float a = ref MemoryMarshal.GetReference(x);
        ref float b = ref MemoryMarshal.GetReference(y);
        ref float c = ref MemoryMarshal.GetReference(z);
        ref float d = ref MemoryMarshal.GetReference(u);
        for (nuint i = 0; i < (nuint)x.Length; i += 16)
        {
            var sum = Vector512.LoadUnsafe(ref a, i) + Vector512.LoadUnsafe(ref b, i);
            sum.StoreUnsafe(ref b, i);
            sum += Vector512.LoadUnsafe(ref c, i);
            sum.StoreUnsafe(ref c, i);
            (sum + Vector512.LoadUnsafe(ref d, i)).StoreUnsafe(ref d, i);
        }
    }
}
