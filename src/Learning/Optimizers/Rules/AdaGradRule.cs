using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>r = fma(g, g, r); w = w − (η·g)/(δ + √r). The regulariser's metric is δ + √r.</summary>
internal readonly struct AdaGradRule(float rate, float delta) : IServerRule<AdaGradRule>
{
    public static RuleFacts Facts { get; } = new("adagrad", "r ← r + g²; Δ = −η g/(δ + √r)", 0.01) { Constants = [(RuleConstant.Delta, 1e-8f)], IsAdditive = true };

    public static int Slots => 1;

    public static bool HasMetric => true;

    public static AdaGradRule At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Delta]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        first = T.Fma(g, g, first);
        w -= T.All(rate) * g / (T.All(delta) + T.Sqrt(first));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in AdaGradRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed / (T.All(rule.Delta) + T.Sqrt(first));

    private float Delta => delta;
}
