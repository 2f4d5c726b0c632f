using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>AdamW: Adam's step, and weights that decay by η_t λ whatever their gradients were: the regulariser's metric is 1. One count a table. Slots: s, r.</summary>
internal readonly struct AdamWRule(AdamRule adam) : IServerRule<AdamWRule>
{
    public static RuleFacts Facts { get; } = AdamMoments.FactsOf("adamw", " − ηλθ");

    public static int Slots => 2;

    public static AdamWRule At(UpdateRule rule, in StepAt at) => new(AdamRule.At(rule, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T> => adam.Step(g, ref w, ref first, ref second, ref third);
}

/// <summary>AdamW with a count a parameter: t is the third slot.</summary>
internal readonly struct AdamWPerKeyRule(AdamPerKeyRule adam) : IServerRule<AdamWPerKeyRule>
{
    public static RuleFacts Facts => AdamWRule.Facts;

    public static int Slots => 3;

    public static AdamWPerKeyRule At(UpdateRule rule, in StepAt at) => new(AdamPerKeyRule.At(rule, at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T> => adam.Step(g, ref w, ref first, ref second, ref third);
}
