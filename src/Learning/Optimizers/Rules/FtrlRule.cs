using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>
/// q = fma(g, g, n); z = z + (g − (√q − √n)/α·w); n = q; w = 0 if |z| ≤ λ₁, else −(z − sign(z)·λ₁)/((β + √n)/α + λ₂), with α = η. Slots: z, n.
/// λ₁ and λ₂ stand beside the sum of the gradients, as in the paper, not beside their mean.
/// </summary>
internal readonly struct FtrlRule(float alpha, float beta, float l1, float l2) : IServerRule<FtrlRule>
{
    public static RuleFacts Facts { get; } =
        new("ftrl", "z ← z + g − (√(n+g²) − √n)/η θ; n ← n + g²; θ = 0 if |z| ≤ λ₁, else −(z − sign(z)λ₁)/((β + √n)/η + λ₂)", 0.1) { Constants = [(RuleConstant.Beta, 1f)], OwnsRegularizer = true, UsualSchedule = ScheduleKind.Constant };

    public static int Slots => 2;

    public static FtrlRule At(UpdateRule rule, in StepAt at) => new(at.Rate, rule[RuleConstant.Beta], at.L1, at.L2);

    // The z of which that value comes.
    public static void Start(UpdateRule rule, in StepAt at, float value, Span<float> slots)
    {
        if (value != 0)
            slots[0] = -value * (rule[RuleConstant.Beta] / at.Rate + at.L2) - MathF.CopySign(at.L1, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>
    {
        T squares = T.Fma(g, g, second);
        T root = T.Sqrt(squares);
        first += g - (root - T.Sqrt(second)) / T.All(alpha) * w;
        second = squares;
        T sign = T.And(first, T.AllBits(int.MinValue));
        T magnitude = T.And(first, T.AllBits(int.MaxValue));
        T left = T.Or(magnitude - T.All(l1), sign);
        w = T.Select(T.Less(T.All(l1), magnitude), (T.All(0f) - left) / ((T.All(beta) + root) / T.All(alpha) + T.All(l2)), T.All(0f));
    }
}
