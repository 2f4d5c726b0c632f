using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>r = fma(ρ, r, (1−ρ)·(g·g)); s = (η·g)/(√r + δ); then Nesterov's look-ahead with s. Slots: v, r. A velocity moves only with its own gradients.</summary>
internal readonly struct RmsPropNesterovRule(float rate, float momentum, float rho, float delta) : IServerRule<RmsPropNesterovRule>
{
    private readonly float _gain = 1f / (1f - momentum);

    public static RuleFacts Facts { get; } = new("rmsprop-nesterov", "r ← ρr + (1−ρ)g²; s = η g/(√r + δ); v ← αv − s; Δ = αv − s", 0.001)
    {
        Constants = [(RuleConstant.Momentum, 0.9f), (RuleConstant.Rho, 0.9f), (RuleConstant.Delta, 1e-8f)],
    };

    public static int Slots => 2;

    public static bool HasMetric => true;

    public static RmsPropNesterovRule At(UpdateRule rule, in StepAt at) =>
        new(at.Rate, rule[RuleConstant.Momentum], rule[RuleConstant.Rho], rule[RuleConstant.Delta]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        second = VectorMath.DropFaded(T.Fma(T.All(rho), second, T.All(1f - rho) * (g * g)));
        Velocity.LookAhead(momentum, T.All(rate) * g / (T.Sqrt(second) + T.All(delta)), ref w, ref first);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in RmsPropNesterovRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed * T.All(rule._gain) / (T.Sqrt(second) + T.All(rule.Delta));

    private float Delta => delta;
}
