using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>
/// What Adam and AdamW share: s = fma(1−ρ₁, g − s, s); r = fma(1−ρ₂, fma(g, g, −r), r); w = fma((−η·c₁)·s, 1/(√(r·c₂) + δ), w), with cᵢ = 1/(1−ρᵢᵗ) for
/// the t-th update; s and r that have faded are 0.
/// </summary>
internal readonly struct AdamMoments(float rate, float rho1, float rho2, float delta)
{
    private readonly float _gain1 = 1f - rho1;
    private readonly float _gain2 = 1f - rho2;
    private readonly float _fading1 = (float)-Math.Log(rho1);
    private readonly float _fading2 = (float)-Math.Log(rho2);

    public static RuleFacts FactsOf(string name, string decay) => new(name, $"s ← ρ₁s + (1−ρ₁)g; r ← ρ₂r + (1−ρ₂)g²; Δ = −η (s/(1−ρ₁ᵗ))/(√(r/(1−ρ₂ᵗ)) + δ){decay}", 0.001)
    {
        Constants = [(RuleConstant.Rho, 0.9f), (RuleConstant.Rho2, 0.999f), (RuleConstant.Delta, 1e-8f)],
    };

    public static AdamMoments At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Rho], rule[RuleConstant.Rho2], rule[RuleConstant.Delta]);

    /// <summary>c₁ and c₂ of one count.</summary>
    public (float First, float Second) Corrections(long count) =>
        (1f / VectorMath.OneMinusExp(Math.Max(1, count) * _fading1), 1f / VectorMath.OneMinusExp(Math.Max(1, count) * _fading2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Correction1<T>(T count)
        where T : struct, ILane<T> => T.All(1f) / VectorMath.OneMinusExp(count * T.All(_fading1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Correction2<T>(T count)
        where T : struct, ILane<T> => T.All(1f) / VectorMath.OneMinusExp(count * T.All(_fading2));

    /// <summary>−η·c₁.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Reach<T>(T correction1)
        where T : struct, ILane<T> => T.All(-rate) * correction1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, T reach, T correction2, ref T w, ref T s, ref T r)
        where T : struct, ILane<T>
    {
        s = VectorMath.DropFaded(T.Fma(T.All(_gain1), g - s, s));
        r = VectorMath.DropFaded(T.Fma(T.All(_gain2), T.Fma(g, g, T.All(0f) - r), r));
        w = T.Fma(reach * s, PerMetric(correction2, r), w);
    }

    /// <summary>1/(√(r·c₂) + δ): one division serves the step and the regulariser's time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T PerMetric<T>(T correction2, T r)
        where T : struct, ILane<T> => T.All(1f) / (T.Sqrt(r * correction2) + T.All(delta));
}

/// <summary>Adam with one count a table, which is always updated whole. The regulariser's metric is √(r·c₂) + δ: it is no part of g. Slots: s, r.</summary>
internal readonly struct AdamRule(AdamMoments moments, float reach, float correction2) : IServerRule<AdamRule>
{
    public static RuleFacts Facts { get; } = AdamMoments.FactsOf("adam", "");

    public static int Slots => 2;

    public static bool HasMetric => true;

    public static AdamRule At(UpdateRule rule, in StepAt at)
    {
        AdamMoments moments = AdamMoments.At(rule, at);
        (float first, float second) = moments.Corrections(at.Count);
        return new AdamRule(moments, -at.Rate * first, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T> => moments.Step(g, T.All(reach), T.All(correction2), ref w, ref first, ref second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in AdamRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed * rule.Moments.PerMetric(T.All(rule.Correction2), second);

    private AdamMoments Moments => moments;

    private float Correction2 => correction2;
}

/// <summary>Adam with a count a parameter: t is the third slot.</summary>
internal readonly struct AdamPerKeyRule(AdamMoments moments) : IServerRule<AdamPerKeyRule>
{
    public static RuleFacts Facts => AdamRule.Facts;

    public static int Slots => 3;

    public static bool HasMetric => true;

    public static AdamPerKeyRule At(UpdateRule rule, in StepAt at) => new(AdamMoments.At(rule, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        third += T.All(1f);
        moments.Step(g, moments.Reach(moments.Correction1(third)), moments.Correction2(third), ref w, ref first, ref second);
    }

    // A parameter that was never updated has r = 0, whatever its correction would be.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in AdamPerKeyRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> =>
        elapsed * rule.Moments.PerMetric(rule.Moments.Correction2(T.Select(T.Less(third, T.All(1f)), T.All(1f), third)), second);

    private AdamMoments Moments => moments;
}
