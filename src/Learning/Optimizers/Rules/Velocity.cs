using System.Runtime.CompilerServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Optimizers.Rules;

/// <summary>What rules with a velocity share.</summary>
internal static class Velocity
{
    /// <summary>The closed form of steps without a gradient: w = fma(v·reach, 1 − e^(−fading), w); v = v·e^(−fading).</summary>
    /// <param name="fading">−n ln α.</param>
    /// <param name="reach">How far a velocity of 1 still carries.</param>
    /// <param name="w">The value.</param>
    /// <param name="velocity">v.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fade<T>(T fading, float reach, ref T w, ref T velocity)
        where T : struct, ILane<T>
    {
        w = T.Select(T.Equal(fading, T.All(0f)), w, T.Fma(velocity * T.All(reach), VectorMath.OneMinusExp(fading), w));
        velocity *= VectorMath.Exp(T.All(0f) - fading);
    }

    /// <summary>Nesterov's look-ahead with a step s: v = fma(α, v, −s); w = w + fma(α, v, −s).</summary>
    /// <param name="momentum">α.</param>
    /// <param name="step">s, what plain descent would take off.</param>
    /// <param name="w">The value.</param>
    /// <param name="velocity">v.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LookAhead<T>(float momentum, T step, ref T w, ref T velocity)
        where T : struct, ILane<T>
    {
        T down = T.All(0f) - step;
        velocity = VectorMath.DropFaded(T.Fma(T.All(momentum), velocity, down));
        w += T.Fma(T.All(momentum), velocity, down);
    }
}
