using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>
/// a = fma(ρ, a, (1−ρ)·(g·g)); d = (η·√(b+δ))/√(a+δ)·g; b = fma(ρ, b, (1−ρ)·(d·d)); w = w − d. The regulariser's metric is √(a+δ)/√(b+δ).
/// </summary>
internal readonly struct AdaDeltaRule(float rate, float rho, float delta) : IServerRule<AdaDeltaRule>
{
    public static RuleFacts Facts { get; } =
        new("adadelta", "a ← ρa + (1−ρ)g²; Δ = −η √(b+δ)/√(a+δ) g; b ← ρb + (1−ρ)Δ²", 1) { Constants = [(RuleConstant.Rho, 0.95f), (RuleConstant.Delta, 1e-6f)], UsualSchedule = ScheduleKind.Constant };

    public static int Slots => 2;

    public static bool HasMetric => true;

    public static AdaDeltaRule At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Rho], rule[RuleConstant.Delta]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        T rest = T.All(1f - rho);
        first = VectorMath.DropFaded(T.Fma(T.All(rho), first, rest * (g * g)));
        T down = Time(this, T.All(rate), first, second, third) * g;
        second = VectorMath.DropFaded(T.Fma(T.All(rho), second, rest * (down * down)));
        w -= down;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in AdaDeltaRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed * T.Sqrt(second + T.All(rule.Delta)) / T.Sqrt(first + T.All(rule.Delta));

    private float Delta => delta;
}
