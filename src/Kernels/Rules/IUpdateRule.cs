namespace DistSgd.Kernels;

/// <summary>
/// An update rule of one parameter, written once over lanes: <see cref="UpdateLoop"/> makes of it the loops of every instruction set, which give
/// the same bits, since each lane operation rounds once. A parameter is its value w and up to three floats of state, the slots.
/// </summary>
/// <typeparam name="TSelf">The rule itself; its fields are what is the same for all parameters of a push.</typeparam>
public interface IUpdateRule<TSelf>
    where TSelf : struct, IUpdateRule<TSelf>
{
    /// <summary>Floats of state a parameter, 0 to 3; the slots beyond are 0 and not kept.</summary>
    static abstract int Slots { get; }

    /// <summary>True if <see cref="Time"/> depends on the slots.</summary>
    static virtual bool HasMetric => false;

    /// <summary>True if the first slot is a velocity, which moves the parameter in every step, also where no gradient comes.</summary>
    static virtual bool Drifts => false;

    /// <summary>One step with the gradient g.</summary>
    /// <param name="g">The gradient.</param>
    /// <param name="w">The value.</param>
    /// <param name="first">First slot.</param>
    /// <param name="second">Second slot.</param>
    /// <param name="third">Third slot.</param>
    void Step<T>(T g, ref T w, ref T first, ref T second, ref T third)
        where T : struct, ILane<T>;

    /// <summary>The regulariser's own time for an elapsed sum of learning rates: that sum in the rule's metric, by which a gradient is turned into a difference.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="elapsed">Sum of learning rates.</param>
    /// <param name="first">First slot.</param>
    /// <param name="second">Second slot.</param>
    /// <param name="third">Third slot.</param>
    static virtual T Time<T>(in TSelf rule, T elapsed, T first, T second, T third)
        where T : struct, ILane<T> => elapsed;

    /// <summary>What so many steps without a gradient come to, in closed form.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="missed">Number of steps, 0 or more.</param>
    /// <param name="w">The value.</param>
    /// <param name="velocity">The first slot.</param>
    static virtual void Drift<T>(in TSelf rule, T missed, ref T w, ref T velocity)
        where T : struct, ILane<T>
    {
        // Only what has a velocity drifts.
    }
}
