namespace DistSgd.Learning.Optimizers;

/// <summary>The shapes of a learning rate over a job's steps.</summary>
public enum ScheduleKind
{
    /// <summary>η₀.</summary>
    Constant,

    /// <summary>η₀ / (1 + γt).</summary>
    Inverse,

    /// <summary>η₀ / √(1 + γt).</summary>
    InverseSqrt,

    /// <summary>η₀ (1 + cos(πt/T)) / 2: ends at 0.</summary>
    Cosine,

    /// <summary>η₀ (1 − t/T): ends at 0.</summary>
    Linear,

    /// <summary>η₀ f^⌊t/k⌋.</summary>
    Step,

    /// <summary>η₀ f^t.</summary>
    Exponential,
}

/// <summary>
/// The learning rate η_t as a function of the job's step t (mini-batches done by all workers together). Pure; any thread.
/// </summary>
/// <param name="Kind">The shape.</param>
/// <param name="InitialRate">η₀ at step 0; positive and finite.</param>
/// <param name="Decay">γ of the inverse forms; 0 or more.</param>
/// <param name="TotalSteps">T, the steps of the whole job, for the forms that end at 0; at least 1.</param>
public sealed record Schedule(ScheduleKind Kind, double InitialRate, double Decay = 0, long TotalSteps = 1)
{
    /// <summary>f of the step and exponential forms; in (0, 1].</summary>
    public double Factor { get; init; } = 1;

    /// <summary>k of the step form; at least 1.</summary>
    public long StepLength { get; init; } = 1;

    /// <summary>Steps over which the rate first rises, from η₀/warmup to η₀ in equal steps; the form begins after them, and ends with the job. 0: none.</summary>
    public long Warmup { get; init; }

    /// <summary>η at step t, in float32 as every rule uses it. Beyond T the forms that end at 0 stay there.</summary>
    /// <param name="step">t ≥ 0.</param>
    public float Rate(long step)
    {
        if (step < Warmup)
            return (float)(InitialRate * (step + 1) / Warmup);
        step -= Warmup;
        double progress = Math.Min(1.0, (double)step / Math.Max(1, TotalSteps - Warmup));
        return (float)(InitialRate * Kind switch
        {
            ScheduleKind.Constant => 1.0,
            ScheduleKind.Inverse => 1.0 / (1.0 + Decay * step),
            ScheduleKind.InverseSqrt => 1.0 / Math.Sqrt(1.0 + Decay * step),
            ScheduleKind.Cosine => 0.5 * (1.0 + Math.Cos(Math.PI * progress)),
            ScheduleKind.Linear => 1.0 - progress,
            ScheduleKind.Step => Math.Pow(Factor, step / StepLength),
            ScheduleKind.Exponential => Math.Pow(Factor, step),
            _ => throw new InvalidOperationException($"Unknown schedule {Kind}."),
        });
    }
}
