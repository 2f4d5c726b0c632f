using DistSgd.Learning.Models;
using DistSgd.Shared.Jobs;
using DistSgd.Trainer.Stopping;

namespace DistSgd.Trainer;

/// <summary>What a training gave.</summary>
public sealed record TrainingResult
{
    /// <summary>The job as it was run, everything decided.</summary>
    public required TrainingJob Job { get; init; }

    /// <summary>The learning rate as given or chosen; the job's own is raised where differences of several workers are averaged.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The trained model, in the units of the data.</summary>
    public required TrainedModel Model { get; init; }

    /// <summary>Seconds of training, evaluations not counted.</summary>
    public required double Seconds { get; init; }

    /// <summary>Rows trained a second.</summary>
    public required double ExamplesPerSecond { get; init; }

    /// <summary>The rule that ended the training.</summary>
    public EndReason EndedBy { get; init; }

    /// <summary>The same in a sentence, with its figures.</summary>
    public string EndedBecause { get; init; } = "";

    /// <summary>The epoch that the model is of: the last, but for trainings with <see cref="TrainingOptions.Patience"/>, whose model is the best.</summary>
    public int Epoch { get; init; }

    /// <summary>The model on the training data.</summary>
    public required EvaluationResult Train { get; init; }

    /// <summary>The model on the test data; null without.</summary>
    public EvaluationResult? Test { get; init; }

    /// <summary>Median staleness of pushes.</summary>
    public long StalenessP50 { get; init; }

    /// <summary>99th percentile of staleness.</summary>
    public long StalenessP99 { get; init; }

    /// <summary>Payload bytes pushed by all workers.</summary>
    public long BytesPushed { get; init; }

    /// <summary>Payload bytes pulled by all workers.</summary>
    public long BytesPulled { get; init; }

    /// <summary>What each process did; empty for embedded training.</summary>
    public IReadOnlyList<ProcessFigures> Processes { get; init; } = [];
}
