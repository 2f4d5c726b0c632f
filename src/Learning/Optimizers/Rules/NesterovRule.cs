using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>
/// Nesterov's momentum. The textbook takes the gradient at θ + αv; what is kept and pulled here is that point itself, w = θ + αv, so that the gradient
/// is taken where workers are: v = fma(α, v, −η·g); w = w + fma(α, v, −η·g). The textbook's θ is w − αv.
/// n steps without a gradient come to w + v·α²(1−αⁿ)/(1−α) and v·αⁿ.
/// </summary>
internal readonly struct NesterovRule(float rate, float momentum) : IServerRule<NesterovRule>
{
    private readonly float _fading = (float)-Math.Log(momentum);
    private readonly float _reach = momentum * momentum / (1f - momentum);
    private readonly float _gain = 1f / (1f - momentum);

    public static RuleFacts Facts { get; } = new("nesterov", "v ← αv − ηg; Δ = αv − ηg", 0.01) { Constants = [(RuleConstant.Momentum, 0.9f)] };

    public static int Slots => 1;

    public static bool Drifts => true;

    public static NesterovRule At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Momentum]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T> => Velocity.LookAhead(momentum, T.All(rate) * g, ref w, ref first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in NesterovRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed * T.All(rule._gain);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Drift<T>(in NesterovRule rule, T missed, ref T w, ref T velocity)
        where T : struct, ILane<T> => Velocity.Fade(missed * T.All(rule._fading), rule._reach, ref w, ref velocity);
}
