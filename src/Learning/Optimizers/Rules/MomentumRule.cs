using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>
/// Heavy ball: v = fma(α, v, −η·g); w = w + v. n steps without a gradient come to w + v·α(1−αⁿ)/(1−α) and v·αⁿ. In the long run a gradient moves
/// w by η/(1−α): that is the regulariser's time.
/// </summary>
internal readonly struct MomentumRule(float rate, float momentum) : IServerRule<MomentumRule>
{
    private readonly float _fading = (float)-Math.Log(momentum);
    private readonly float _reach = momentum / (1f - momentum);
    private readonly float _gain = 1f / (1f - momentum);

    public static RuleFacts Facts { get; } = new("momentum", "v ← αv − ηg; Δ = v", 0.01) { Constants = [(RuleConstant.Momentum, 0.9f)] };

    public static int Slots => 1;

    public static bool Drifts => true;

    public static MomentumRule At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Momentum]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        first = VectorMath.DropFaded(T.Fma(T.All(momentum), first, T.All(-rate) * g));
        w += first;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Time<T>(in MomentumRule rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed * T.All(rule._gain);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Drift<T>(in MomentumRule rule, T missed, ref T w, ref T velocity)
        where T : struct, ILane<T> => Velocity.Fade(missed * T.All(rule._fading), rule._reach, ref w, ref velocity);
}
