using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>r = fma(g, g, r); s = (η·g)/(δ + √r); then Nesterov's look-ahead with s. Slots: v, r. A velocity moves only with its own gradients.</summary>
internal readonly struct AdaGradNesterovRule(float rate, float momentum, float delta) : IServerRule<AdaGradNesterovRule>
{
    private readonly float _gain = 1f / (1f - momentum);

    public static RuleFacts Facts { get; } =
        new("adagrad-nesterov", "r ← r + g²; s = η g/(δ + √r); v ← αv − s; Δ = αv − s", 0.01) { Constants = [(RuleConstant.Momentum, 0.9f), (RuleConstant.Delta, 1e-8f)] };

    public static int Slots => 2;

    public static bool HasMetric => true;

    public static AdaGradNesterovRule At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Momentum], rule[RuleConstant.Delta]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        second = T.Fma(g, g, second);
        Velocity.LookAhead(momentum, T.All(rate) * g / (T.All(delta) + T.Sqrt(second)), ref w, ref first);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in AdaGradNesterovRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed * T.All(rule._gain) / (T.All(rule.Delta) + T.Sqrt(second));

    private float Delta => delta;
}
