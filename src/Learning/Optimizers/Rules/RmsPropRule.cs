using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>r = fma(ρ, r, (1−ρ)·(g·g)); w = w − (η·g)/(√r + δ). The regulariser's metric is √r + δ.</summary>
internal readonly struct RmsPropRule(float rate, float rho, float delta) : IServerRule<RmsPropRule>
{
    public static RuleFacts Facts { get; } = new("rmsprop", "r ← ρr + (1−ρ)g²; Δ = −η g/(√r + δ)", 0.001) { Constants = [(RuleConstant.Rho, 0.9f), (RuleConstant.Delta, 1e-8f)] };

    public static int Slots => 1;

    public static bool HasMetric => true;

    public static RmsPropRule At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Rho], rule[RuleConstant.Delta]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        first = VectorMath.DropFaded(T.Fma(T.All(rho), first, T.All(1f - rho) * (g * g)));
        w -= T.All(rate) * g / (T.Sqrt(first) + T.All(delta));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in RmsPropRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed / (T.Sqrt(first) + T.All(rule.Delta));

    private float Delta => delta;
}
