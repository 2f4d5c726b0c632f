using System.Globalization;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;
using DistSgd.Learning.Reference;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>A trained model: all that prediction needs. Immutable; any thread.</summary>
public sealed class TrainedModel
{
    private readonly ModelFile _file;

    internal TrainedModel(ModelSpec model, float[] parameters, LabelMap labels, Dataset data, TrainingJob job, IReadOnlyDictionary<string, string> summary)
        : this(new ModelFile
        {
            Spec = model,
            FeatureCount = job.Features,
            Parameters = parameters,
            Labels = labels,
            IndexBase = data.IndexBase,
            Layout = data.Layout,
            Scaling = job.Scaling,
            Preprocessing = job.Preprocessing,
            L1 = job.Rule.L1,
            L2 = job.Rule.L2,
            Optimizer = job.Rule.Form.Facts.Name,
            Summary = summary,
        })
    {
        // All else is in the file.
    }

    private TrainedModel(ModelFile file) => _file = file;

    /// <summary>The same model, whose summary has the loss that was measured in place of its last epoch's.</summary>
    internal TrainedModel Measured(EvaluationResult train) =>
        new(_file with { Summary = new Dictionary<string, string>(_file.Summary, StringComparer.Ordinal) { ["train_loss"] = train.Loss.ToString("R", CultureInfo.InvariantCulture) } });

    /// <summary>The learning problem.</summary>
    public ModelKind Kind => Spec.Kind;

    /// <summary>Model and loss.</summary>
    public ModelSpec Spec => _file.Spec;

    /// <summary>The names and shapes of the parameters, in the order of <see cref="Parameters"/>.</summary>
    public IReadOnlyList<LayoutTable> Tables => _file.Tables;

    /// <summary>The parameters of one table.</summary>
    /// <param name="table">One of <see cref="Tables"/>.</param>
    public ReadOnlySpan<float> Parameters(LayoutTable table) => _file.Values(table).Span;

    /// <summary>All parameters, as training lays them out, in the units of the data.</summary>
    internal ReadOnlySpan<float> AllParameters => _file.Parameters.Span;

    /// <summary>How labels of files are mapped.</summary>
    public LabelMap Labels => _file.Labels;

    /// <summary>The lowest feature index of its training data.</summary>
    public IndexBase IndexBase => _file.IndexBase;

    /// <summary>What is done with each row before it is scored.</summary>
    public RowPreprocessing Preprocessing => _file.Preprocessing;

    /// <summary>How columns were scaled in its training; null: they weren't.</summary>
    public FeatureScaling? Scaling => _file.Scaling;

    /// <summary>Number of features.</summary>
    public long FeatureCount => _file.FeatureCount;

    /// <summary>k weights a feature, side by side; k is 1 but for models of several classes. Of an MLP: the weights of its first layer.</summary>
    public ReadOnlySpan<float> Weights => _file.Weights.Span;

    /// <summary>The first bias, the only one where rows have one score.</summary>
    public float Bias => _file.Bias.Span[0];

    /// <summary>The k biases; of an MLP, those of its scores.</summary>
    public ReadOnlySpan<float> Biases => _file.Bias.Span;

    /// <summary>The update rule that trained it.</summary>
    public string Optimizer => _file.Optimizer;

    /// <summary>λ₁ of its training.</summary>
    public double L1 => _file.L1;

    /// <summary>λ₂ of its training.</summary>
    public double L2 => _file.L2;

    /// <summary>How it was trained, as text.</summary>
    public IReadOnlyDictionary<string, string> Summary => _file.Summary;

    /// <summary>How the columns of its training file became features; null but for separated text.</summary>
    public CsvLayout? Layout => _file.Layout;

    /// <summary>How a data file must be read for this model: its columns, or its index base, and features it doesn't know left out and counted.</summary>
    public ReadOptions ReadOptions => Layout is not null ? new() { Layout = Layout }
        : Preprocessing.HashBits > 0 ? new() { IndexBase = IndexBase }
        : new() { IndexBase = IndexBase, ExpectedFeatures = (uint)(Preprocessing.Whitening?.Features ?? FeatureCount) };

    /// <summary>Reads a model file.</summary>
    /// <param name="path">Where it lies.</param>
    /// <exception cref="ModelFileException">Missing, damaged, or not a model; the message says which.</exception>
    public static TrainedModel Load(string path) => new(ModelFile.Load(path));

    /// <summary>Writes the model file, whole or not at all.</summary>
    /// <param name="path">Where to.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path) => _file.Save(path);

    /// <summary>w·x + b of each row, or what a network makes of it; for models of several classes k scores a row, side by side.</summary>
    /// <param name="data">Rows; features that the model doesn't know count as 0.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="cancellationToken">Gives up between pieces of the data.</param>
    public float[] Scores(Dataset data, int threads = 1, CancellationToken cancellationToken = default) =>
        Prepared(data, prepared => Evaluation.Scores(Spec, _file.Parameters, prepared, threads, out _, cancellationToken), cancellationToken);

    /// <summary>Largest and smallest eigenvalue of the Hessian of the mean loss plus λ₂/2‖w‖², here, in the units of the data.</summary>
    /// <param name="data">Rows with labels that the model knows; features that it doesn't know are left out.</param>
    /// <param name="cancellationToken">Gives up between products.</param>
    /// <exception cref="LabelException">A label that the model doesn't know.</exception>
    /// <exception cref="TrainingException">The model is an MLP, whose objective curves both ways, or its loss is made of straight pieces.</exception>
    public SpectrumEnds Spectrum(Dataset data, CancellationToken cancellationToken = default)
    {
        if (Spec.Network is not null)
            throw new TrainingException("The condition number is that of models without layers; this model is an MLP.");
        if (Spec.Loss is LossKind.Hinge or LossKind.CrammerSinger or LossKind.WestonWatkins or LossKind.ZeroOne or LossKind.Hamming or LossKind.Tree or LossKind.PairwiseHinge)
            throw new TrainingException($"The loss {KindName.Of(Spec.Loss)} is made of straight pieces and has no second derivative, and so no condition number; expected a model of a smooth loss, such as logistic, squared-hinge or cross-entropy.");
        int features = checked((int)FeatureCount);
        // The same added to all biases changes no probability of softmax.
        double[]? without = Spec.Loss == LossKind.CrossEntropy ? [.. Enumerable.Range(0, _file.Parameters.Length).Select(i => i < features * Spec.Outputs ? 0.0 : 1.0)] : null;
        return Prepared(data, prepared =>
        {
            using BlockSet rows = CheckedRows.Block(Spec, prepared, Labels, features);
            return HessianSpectrum.Estimate(new ReferenceObjective(Spec, features, 0, L2), rows[0].Rows, [.. _file.Parameters.ToArray().Select(value => (double)value)], without, cancellationToken);
        }, cancellationToken);
    }

    /// <summary>Loss and metrics.</summary>
    /// <param name="data">Rows with labels that the model knows.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="cancellationToken">Gives up between pieces of the data.</param>
    /// <exception cref="LabelException">A label that the model doesn't know; file and line are named.</exception>
    public EvaluationResult Evaluate(Dataset data, int threads = 1, CancellationToken cancellationToken = default)
    {
        if (!data.HasLabels)
            throw new LabelException($"{data.Path} has no column \"{Layout?.Columns.FirstOrDefault(column => column.Role == CsvRole.Label)?.Name}\"; its labels are needed.");
        try
        {
            EvaluationResult result = Prepared(data, prepared => Evaluation.Compute(Spec, _file.Parameters, prepared, Labels, threads, cancellationToken), cancellationToken);
            // What the reader left out, it left out because this model, or the data it was trained on, doesn't know it.
            return result with { IgnoredFeatures = result.IgnoredFeatures + data.IgnoredFeatureCount };
        }
        catch (LabelException unknown)
        {
            throw unknown.In(data);
        }
    }

    // Rows that were prepared already, those of the training, are used as they are.
    private T Prepared<T>(Dataset data, Func<Dataset, T> use, CancellationToken cancellationToken)
    {
        Dataset prepared = Preprocessing.Apply(data, cancellationToken);
        try
        {
            return use(prepared);
        }
        finally
        {
            if (!ReferenceEquals(prepared, data))
                prepared.Dispose();
        }
    }
}
