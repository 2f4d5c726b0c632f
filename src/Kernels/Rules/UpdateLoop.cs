using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels;

/// <summary>
/// The loops over parameters of every <see cref="IUpdateRule{TSelf}"/>: whole vectors first, the rest one by one. Plain loads and stores, so that many
/// threads may run over one shard at once (Hogwild). Every form gives the same bits.
/// </summary>
public static class UpdateLoop
{
    private const int Chunk = 1024; // parameters that are stepped on, and decay alike, before the next ones; with their planes they fit into the first-level cache

    /// <summary>One step of each parameter.</summary>
    /// <param name="form">The instruction set; <see cref="KernelForms.Best"/> but for tests.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="gradient">One element a parameter; must not overlap the planes.</param>
    /// <param name="planes">Read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Step<TRule>(KernelForm form, in TRule rule, ReadOnlySpan<float> gradient, RulePlanes planes)
        where TRule : struct, IUpdateRule<TRule>
    {
        Check<TRule>(gradient.Length, planes, nameof(gradient));
        Run(form, rule, default, gradient, planes);
    }

    /// <summary>One step of each parameter, and then the regulariser's flow over the same time for all of them, in one pass: the bits of <see cref="Step"/> and then
    /// <see cref="Flow"/>.</summary>
    /// <param name="form">The instruction set.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0.</param>
    /// <param name="elapsed">Sum of learning rates, finite, positive.</param>
    /// <param name="gradient">One element a parameter; must not overlap the planes.</param>
    /// <param name="planes">Read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void StepAndFlow<TRule>(KernelForm form, in TRule rule, float l1, float l2, float elapsed, ReadOnlySpan<float> gradient, RulePlanes planes)
        where TRule : struct, IUpdateRule<TRule>
    {
        Check<TRule>(gradient.Length, planes, nameof(gradient));
        if (TRule.HasMetric)
        {
            Run(form, rule, new Flowing(l1, l2, elapsed), gradient, planes);
            return;
        }

        var (factor, amount) = RegularizationFlow.Factors(l1, l2, Time(rule, elapsed));
        for (var start = 0; start < gradient.Length; start += Chunk)
        {
            var part = planes.Slice(start, Math.Min(Chunk, gradient.Length - start));
            Run(form, rule, default, gradient.Slice(start, part.Count), part);
            RegularizationFlow.Uniform(form, factor, amount, part.Values);
            if (TRule.Drifts) Scale.Apply(form, factor, part.First);
        }
    }

    /// <summary>The regulariser's flow of each parameter over its own elapsed time, in the rule's metric; a velocity decays by the same factor as its value does under L2,
    /// so that flow and drift commute.</summary>
    /// <param name="form">The instruction set.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="l1">L1 strength, at least 0.</param>
    /// <param name="l2">L2 strength, at least 0.</param>
    /// <param name="elapsed">Sum of learning rates, one a parameter, finite, at least 0.</param>
    /// <param name="planes">Read; values and velocities written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Flow<TRule>(KernelForm form, in TRule rule, float l1, float l2, ReadOnlySpan<float> elapsed, RulePlanes planes)
        where TRule : struct, IUpdateRule<TRule>
    {
        Check<TRule>(elapsed.Length, planes, nameof(elapsed));
        var done = form == KernelForm.Avx512 ? Flows<TRule, Lane16>(rule, l1, l2, elapsed, planes, 0)
            : form == KernelForm.Avx2 ? Flows<TRule, Lane8>(rule, l1, l2, elapsed, planes, 0)
            : 0;
        Flows<TRule, Lane1>(rule, l1, l2, elapsed, planes, done);
    }

    /// <summary>What the steps that each parameter missed come to.</summary>
    /// <param name="form">The instruction set.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="missed">Number of steps, one a parameter, at least 0.</param>
    /// <param name="planes">Values and velocities: read and written.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Drift<TRule>(KernelForm form, in TRule rule, ReadOnlySpan<float> missed, RulePlanes planes)
        where TRule : struct, IUpdateRule<TRule>
    {
        if (!TRule.Drifts) return;
        Check<TRule>(missed.Length, planes, nameof(missed));
        var done = form == KernelForm.Avx512 ? Drifts<TRule, Lane16>(rule, missed, planes, 0)
            : form == KernelForm.Avx2 ? Drifts<TRule, Lane8>(rule, missed, planes, 0)
            : 0;
        Drifts<TRule, Lane1>(rule, missed, planes, done);
    }

    /// <summary>The regulariser's time of a rule in which it is the same for all parameters.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="elapsed">Sum of learning rates.</param>
    public static float Time<TRule>(in TRule rule, float elapsed)
        where TRule : struct, IUpdateRule<TRule> => TRule.Time(rule, new Lane1(elapsed), default, default, default).Value;

    private static void Check<TRule>(int length, RulePlanes planes, string name)
        where TRule : struct, IUpdateRule<TRule>
    {
        KernelGuard.SameLength(planes.Count, length, name);
        for (var slot = 1; slot <= TRule.Slots; slot++) KernelGuard.SameLength(planes.Count, planes[slot].Length, nameof(planes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run<TRule>(KernelForm form, in TRule rule, in Flowing flow, ReadOnlySpan<float> gradient, RulePlanes planes)
        where TRule : struct, IUpdateRule<TRule>
    {
        var done = form == KernelForm.Avx512 ? Steps<TRule, Lane16>(rule, flow, gradient, planes, 0)
            : form == KernelForm.Avx2 ? Steps<TRule, Lane8>(rule, flow, gradient, planes, 0)
            : 0;
        Steps<TRule, Lane1>(rule, flow, gradient, planes, done);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Steps<TRule, T>(TRule rule, Flowing flow, ReadOnlySpan<float> gradient, RulePlanes planes, int start)
        where TRule : struct, IUpdateRule<TRule>
        where T : struct, ILane<T>
    {
        ref float from = ref MemoryMarshal.GetReference(gradient);
        ref float values = ref MemoryMarshal.GetReference(planes.Values);
        ref float firsts = ref MemoryMarshal.GetReference(planes.First);
        ref float seconds = ref MemoryMarshal.GetReference(planes.Second);
        ref float thirds = ref MemoryMarshal.GetReference(planes.Third);
        var strength = T.All(flow.L2 * flow.Elapsed);
        var i = start;
        for (; i <= gradient.Length - T.Width; i += T.Width)
        {
            var w = T.Load(ref values, i);
            var first = TRule.Slots > 0 ? T.Load(ref firsts, i) : default;
            var second = TRule.Slots > 1 ? T.Load(ref seconds, i) : default;
            var third = TRule.Slots > 2 ? T.Load(ref thirds, i) : default;
            rule.Step(T.Load(ref from, i), ref w, ref first, ref second, ref third);
            if (TRule.HasMetric && flow.Elapsed > 0)
            {
                w = Decay(rule, flow.L1, flow.L2, T.All(flow.Elapsed), strength, w, first, second, third, out var factor);
                if (TRule.Drifts) first *= factor;
            }

            w.Store(ref values, i);
            if (TRule.Slots > 0) first.Store(ref firsts, i);
            if (TRule.Slots > 1) second.Store(ref seconds, i);
            if (TRule.Slots > 2) third.Store(ref thirds, i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Flows<TRule, T>(TRule rule, float l1, float l2, ReadOnlySpan<float> elapsed, RulePlanes planes, int start)
        where TRule : struct, IUpdateRule<TRule>
        where T : struct, ILane<T>
    {
        ref float times = ref MemoryMarshal.GetReference(elapsed);
        ref float values = ref MemoryMarshal.GetReference(planes.Values);
        ref float firsts = ref MemoryMarshal.GetReference(planes.First);
        ref float seconds = ref MemoryMarshal.GetReference(planes.Second);
        ref float thirds = ref MemoryMarshal.GetReference(planes.Third);
        var i = start;
        for (; i <= elapsed.Length - T.Width; i += T.Width)
        {
            var first = TRule.Slots > 0 ? T.Load(ref firsts, i) : default;
            var second = TRule.Slots > 1 ? T.Load(ref seconds, i) : default;
            var third = TRule.Slots > 2 ? T.Load(ref thirds, i) : default;
            var time = T.Load(ref times, i);
            Decay(rule, l1, l2, time, T.All(l2) * time, T.Load(ref values, i), first, second, third, out var factor).Store(ref values, i);
            if (TRule.Drifts) (first * factor).Store(ref firsts, i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Drifts<TRule, T>(TRule rule, ReadOnlySpan<float> missed, RulePlanes planes, int start)
        where TRule : struct, IUpdateRule<TRule>
        where T : struct, ILane<T>
    {
        ref float steps = ref MemoryMarshal.GetReference(missed);
        ref float values = ref MemoryMarshal.GetReference(planes.Values);
        ref float velocities = ref MemoryMarshal.GetReference(planes.First);
        var i = start;
        for (; i <= missed.Length - T.Width; i += T.Width)
        {
            var w = T.Load(ref values, i);
            var velocity = T.Load(ref velocities, i);
            TRule.Drift(rule, T.Load(ref steps, i), ref w, ref velocity);
            w.Store(ref values, i);
            velocity.Store(ref velocities, i);
        }

        return i;
    }

    // The flow over some sum of rates; strength is λ₂ times it, which in the rule's metric is all that a factor needs, and without L1 there is nothing else.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Decay<TRule, T>(in TRule rule, float l1, float l2, T elapsed, T strength, T w, T first, T second, T third, out T factor)
        where TRule : struct, IUpdateRule<TRule>
        where T : struct, ILane<T>
    {
        if (l1 != 0 || !TRule.HasMetric) return RegularizationFlow.Decay(l1, l2, TRule.Time(rule, elapsed, first, second, third), w, out factor);
        factor = VectorMath.Decay(TRule.Time(rule, strength, first, second, third));
        return w * factor;
    }

    // What the regulariser does after each step, in a rule with a metric; nothing over no time.
    private readonly record struct Flowing(float L1, float L2, float Elapsed);
}
