using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Diagnostics;

/// <summary>The way of one update rule over a quadratic.</summary>
/// <param name="Kind">The rule.</param>
/// <param name="Name">As people write it.</param>
/// <param name="Rate">Its learning rate.</param>
/// <param name="Points">Where it was before the first step and after each.</param>
public sealed record RulePath(OptimizerKind Kind, string Name, double Rate, IReadOnlyList<(float X, float Y)> Points);

/// <summary>
/// The classic picture of update rules: ½(a·x² + b·y²), steep in y and flat in x, gone down with exact gradients by every rule of the register, each at the
/// rate that brings it lowest without ever being above its start. Pure; any thread.
/// </summary>
public static class QuadraticPaths
{
    /// <summary>Curvature in x.</summary>
    public const float Flat = 0.2f;

    /// <summary>Curvature in y.</summary>
    public const float Steep = 4f;

    /// <summary>Steps of each path.</summary>
    public const int Steps = 60;

    // What is low at the end of an oscillation only isn't low.
    private const int StepsJudged = 5;
    private const int RatesPerDecade = 4;

    /// <summary>The start, (x, y).</summary>
    public static (float X, float Y) Start { get; } = (-8f, 2.2f);

    /// <summary>The function.</summary>
    /// <param name="x">x.</param>
    /// <param name="y">y.</param>
    public static double Value(double x, double y) => 0.5 * (Flat * x * x + Steep * y * y);

    /// <summary>Every rule's path, in the register's order.</summary>
    public static IReadOnlyList<RulePath> Best() =>
    [
        .. from form in UpdateRules.All
           select (from number in Enumerable.Range(-3 * RatesPerDecade, 5 * RatesPerDecade + 1)
                   let path = Walk(form, Math.Pow(10, (double)number / RatesPerDecade))
                   orderby Height(path)
                   select path).First(),
    ];

    /// <summary>One rule's path at a rate.</summary>
    /// <param name="form">The rule.</param>
    /// <param name="rate">η.</param>
    public static RulePath Walk(RuleForm form, double rate)
    {
        var rule = new UpdateRule { Optimizer = form.Kind, Schedule = new Schedule(ScheduleKind.Constant, rate) };
        RuleKernel kernel = form.Kernel(sparse: false);
        float[] values = [Start.X, Start.Y], gradient = new float[2], own = new float[RulePlanes.SlotsMax];
        float[][] slots = [new float[2], new float[2], new float[2]];
        for (int i = 0; i < 2; i++)
        {
            Array.Clear(own);
            kernel.Start(rule, new StepAt((float)rate, 1), values[i], own.AsSpan(0, kernel.Slots));
            for (int slot = 0; slot < kernel.Slots; slot++)
                slots[slot][i] = own[slot];
        }
        var points = new List<(float, float)> { Start };
        for (int step = 1; step <= Steps; step++)
        {
            (gradient[0], gradient[1]) = (Flat * values[0], Steep * values[1]);
            kernel.Step(rule, new StepAt((float)rate, step), gradient, new RulePlanes(values, slots[0], slots[1], slots[2]));
            points.Add((values[0], values[1]));
        }
        return new RulePath(form.Kind, form.Facts.Name, rate, points);
    }

    // The highest of the last few steps. A path that ever climbs above its start jumps about until chance brings it down; it is no way down.
    private static double Height(RulePath path)
    {
        double start = Value(Start.X, Start.Y);
        bool climbs = path.Points.Any(point => !(Value(point.X, point.Y) <= start));
        return climbs ? double.PositiveInfinity : path.Points.TakeLast(StepsJudged).Max(point => Value(point.X, point.Y));
    }
}
