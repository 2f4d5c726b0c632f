using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>w = fma(−η, g, w).</summary>
internal readonly struct SgdRule(float rate) : IServerRule<SgdRule>
{
    public static RuleFacts Facts { get; } = new("sgd", "Δ = −η g", 0.01) { IsAdditive = true };

    public static int Slots => 0;

    public static SgdRule At(UpdateRule rule, in StepAt at) => new(at.Rate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T> => w = T.Fma(T.All(-rate), g, w);
}
