namespace DistSgd.Trainer.Stopping;

/// <summary>Which rule ended a training.</summary>
public enum EndReason
{
    /// <summary>All epochs were done.</summary>
    Epochs,

    /// <summary><see cref="TrainingOptions.StepsMax"/> steps were done.</summary>
    Steps,

    /// <summary><see cref="TrainingOptions.SecondsMax"/> seconds were over.</summary>
    Seconds,

    /// <summary>An epoch changed the training loss by less than <see cref="TrainingOptions.Tolerance"/> of it.</summary>
    Tolerance,

    /// <summary>The objective's gradient was shorter than <see cref="TrainingOptions.GradientTolerance"/>.</summary>
    GradientTolerance,

    /// <summary>The test loss had not improved for <see cref="TrainingOptions.Patience"/> evaluations.</summary>
    Patience,
}
