using System.Globalization;
using System.Runtime.InteropServices;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Formats;

/// <summary>
/// A trained model: all that prediction needs, and a record of how it came to be. Stored as safetensors: <c>weights</c> [D] and <c>bias</c> [1] in float32, or [D, k] and [k]
/// where there are k scores a row; the rest is metadata text.
/// </summary>
public sealed record ModelFile
{
    /// <summary>The version of the metadata that is written.</summary>
    public const int FormatVersion = 1;

    private const string FormatName = "distsgd-model";
    private const string SummaryPrefix = "summary.";
    private const int ChunkElements = 1 << 16;

    private static readonly string[] Models = [.. Enum.GetNames<ModelKind>().Select(KindName.Of)];
    private static readonly string[] Losses = [.. Enum.GetNames<LossKind>().Select(KindName.Of)];

    /// <summary>k weights for each 0-based feature, side by side.</summary>
    public required ReadOnlyMemory<float> Weights { get; init; }

    /// <summary>k numbers, added to the scores.</summary>
    public required ReadOnlyMemory<float> Bias { get; init; }

    /// <summary>The model's written name: linear, logistic, svm, …</summary>
    public required string Model { get; init; }

    /// <summary>The written name of the loss that was minimised: squared, logistic, hinge, …</summary>
    public required string Loss { get; init; }

    /// <summary>Where the Huber loss turns linear.</summary>
    public double HuberDelta { get; init; } = 1;

    /// <summary>Margin of the Crammer–Singer and 0/1 losses.</summary>
    public double Margin { get; init; } = 1;

    /// <summary>Costs of the tree loss.</summary>
    public CostMatrix Costs { get; init; } = CostMatrix.None;

    /// <summary>Model and loss.</summary>
    public ModelSpec Spec => new()
    {
        Kind = Enum.GetValues<ModelKind>().First(kind => KindName.Of(kind) == Model),
        Loss = Enum.GetValues<LossKind>().First(loss => KindName.Of(loss) == Loss),
        HuberDelta = (float)HuberDelta,
        Margin = (float)Margin,
        Costs = Costs,
        Outputs = Bias.Length,
    };

    /// <summary>From the labels of files to those of learning, and back.</summary>
    public required LabelMap Labels { get; init; }

    /// <summary>The number of the first feature in the training file; other files are read with the same. Not <see cref="IndexBase.Auto"/>.</summary>
    public required IndexBase IndexBase { get; init; }

    /// <summary>How the columns of the training file became features; null but for separated text.</summary>
    public CsvLayout? Layout { get; init; }

    /// <summary>How columns were scaled in training; the weights are those of unscaled columns. For trainings that begin from this model. Null: they weren't.</summary>
    public FeatureScaling? Scaling { get; init; }

    /// <summary>What is done with each row before it is scored.</summary>
    public RowPreprocessing Preprocessing { get; init; } = RowPreprocessing.None;

    /// <summary>Strength of the L1 regularisation.</summary>
    public double L1 { get; init; }

    /// <summary>Strength of the L2 regularisation.</summary>
    public double L2 { get; init; }

    /// <summary>The update rule that trained it.</summary>
    public string Optimizer { get; init; } = "";

    /// <summary>What else is worth knowing about the training, as text.</summary>
    public IReadOnlyDictionary<string, string> Summary { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Number of features, D.</summary>
    public long FeatureCount => Weights.Length / Bias.Length;

    /// <summary>Writes the model: whole under its name, or not at all, even if the process is killed.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    /// <exception cref="ArgumentException">The model name or index base is not one of those allowed.</exception>
    public void Save(string path)
    {
        if (!Models.Contains(Model)) throw new ArgumentException($"The model is \"{Model}\"; expected one of {string.Join(", ", Models)}.");
        if (IndexBase == IndexBase.Auto) throw new ArgumentException("The index base is Auto; expected Zero or One.");
        var file = new SafetensorsWriter();
        file.AddTensor("weights", TensorType.F32, Bias.Length == 1 ? [Weights.Length] : [FeatureCount, Bias.Length], WriteWeights);
        file.AddTensor("bias", TensorType.F32, [Bias.Length], stream => stream.Write(MemoryMarshal.AsBytes(Bias.Span)));
        if (Costs.Classes > 0) file.AddTensor("class_costs", TensorType.F32, [Costs.Classes, Costs.Classes], stream => stream.Write(MemoryMarshal.AsBytes(Costs.Span)));
        if (Scaling is { } scaling)
        {
            file.AddTensor("column_means", TensorType.F32, [scaling.Means.Length], stream => stream.Write(MemoryMarshal.AsBytes(scaling.Means)));
            file.AddTensor("column_inverse_scales", TensorType.F32, [scaling.Means.Length], stream => stream.Write(MemoryMarshal.AsBytes(scaling.InverseScales)));
        }
        if (Preprocessing.Whitening is { } whitening)
        {
            file.AddTensor("whitening_mean", TensorType.F32, [whitening.Features], stream => stream.Write(MemoryMarshal.AsBytes(whitening.Mean)));
            file.AddTensor("whitening_matrix", TensorType.F32, [whitening.Components, whitening.Features], stream => stream.Write(MemoryMarshal.AsBytes(whitening.Matrix)));
        }
        foreach (var (name, value) in Metadata()) file.AddMetadata(name, value);
        file.Save(path);
    }

    /// <summary>Reads a model.</summary>
    /// <exception cref="ModelFileException">The file is missing, damaged, truncated, of a newer version, or not a model of this system.</exception>
    public static ModelFile Load(string path)
    {
        using var file = new SafetensorsReader(path);
        var text = new ModelMetadata(path, file.Metadata);
        if (file.Metadata.GetValueOrDefault("format") != FormatName) throw new ModelFileException(path, $"this safetensors file is not a model of distsgd (its metadata lacks format = {FormatName}).");
        int version = text.Integer("version");
        if (version != FormatVersion) throw new ModelFileException(path, $"the model has format version {version}; this program reads version {FormatVersion}.");
        float[] weights = ReadFloats(path, file, "weights");
        float[] bias = ReadFloats(path, file, "bias");
        CsvLayout? layout = text.Layout();
        LabelMap labels = text.Labels().Named(layout?.LabelNames ?? []);
        int outputs = Math.Max(1, labels.Classes.Count);
        if (bias.Length != outputs) throw new ModelFileException(path, $"tensor bias has {bias.Length} elements; expected {outputs}.");
        if ((long)text.Integer("feature_count") * outputs != weights.Length)
            throw new ModelFileException(path, $"the metadata says {text.Text("feature_count")} features; tensor weights has {weights.Length} elements, {outputs} a feature were expected.");
        string indexBase = text.OneOf("index_base", "0", "1");
        return new ModelFile
        {
            Weights = weights,
            Bias = bias,
            Model = text.OneOf("model", Models),
            Loss = text.OneOf("loss", Losses),
            HuberDelta = file.Metadata.ContainsKey("huber_delta") ? text.Number("huber_delta") : 1,
            Margin = file.Metadata.ContainsKey("margin") ? text.Number("margin") : 1,
            Costs = file.Tensors.ContainsKey("class_costs") ? new CostMatrix(ReadFloats(path, file, "class_costs")) : CostMatrix.None,
            Labels = labels,
            Layout = layout,
            Preprocessing = ReadPreprocessing(path, file, text),
            Scaling = ReadScaling(path, file, weights.Length / outputs),
            IndexBase = indexBase == "0" ? IndexBase.Zero : IndexBase.One,
            L1 = text.Number("l1"),
            L2 = text.Number("l2"),
            Optimizer = text.Text("optimizer"),
            Summary = file.Metadata.Where(m => m.Key.StartsWith(SummaryPrefix, StringComparison.Ordinal)).ToDictionary(m => m.Key[SummaryPrefix.Length..], m => m.Value, StringComparer.Ordinal),
        };
    }

    private static RowPreprocessing ReadPreprocessing(string path, SafetensorsReader file, ModelMetadata text)
    {
        try
        {
            int bits = file.Metadata.ContainsKey("hash_bits") ? text.Integer("hash_bits") : 0;
            if (bits is < 0 or > CsvOptions.HashBitsMax) throw new ArgumentException($"Features are hashed to 2^{bits}; expected at most 2^{CsvOptions.HashBitsMax}.");
            return new RowPreprocessing
            {
                HashBits = bits,
                HashSeed = bits == 0 ? 0 : ulong.Parse(text.Text("hash_seed"), CultureInfo.InvariantCulture),
                Normalizes = file.Metadata.ContainsKey("normalize_rows"),
                Whitening = file.Tensors.ContainsKey("whitening_mean") ? Whitening.From(ReadFloats(path, file, "whitening_mean"), ReadFloats(path, file, "whitening_matrix")) : null,
            };
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException)
        {
            throw new ModelFileException(path, $"what is done with rows is malformed: {error.Message}");
        }
    }

    private static FeatureScaling? ReadScaling(string path, SafetensorsReader file, int features)
    {
        if (!file.Tensors.ContainsKey("column_means")) return null;
        float[] means = ReadFloats(path, file, "column_means"), inverse = ReadFloats(path, file, "column_inverse_scales");
        if (means.Length != features || inverse.Length != features) throw new ModelFileException(path, $"the columns' scaling has {means.Length} means and {inverse.Length} scales; expected {features}, one a feature.");
        return FeatureScaling.From(means, inverse);
    }

    private static float[] ReadFloats(string path, SafetensorsReader file, string name)
    {
        if (!file.Tensors.TryGetValue(name, out var entry)) throw new ModelFileException(path, $"there is no tensor \"{name}\"; is this a model of distsgd?");
        if (entry.Type != TensorType.F32 || entry.Shape.Count is 0 or > 2 || entry.ElementCount > Array.MaxLength)
            throw new ModelFileException(path, $"tensor {name} is {entry.Type} [{string.Join(", ", entry.Shape)}]; expected F32 with one or two extents.");
        float[] values = new float[entry.ElementCount];
        file.Read<float>(name, 0, values);
        for (int i = 0; i < values.Length; i++)
            if (!float.IsFinite(values[i])) throw new ModelFileException(path, $"tensor {name} has {values[i]} at {i}; expected finite numbers.");
        return values;
    }

    private void WriteWeights(Stream stream)
    {
        for (int start = 0; start < Weights.Length; start += ChunkElements)
            stream.Write(MemoryMarshal.AsBytes(Weights.Span.Slice(start, Math.Min(ChunkElements, Weights.Length - start))));
    }

    private IEnumerable<(string Name, string Value)> Metadata()
    {
        yield return ("format", FormatName);
        yield return ("version", FormatVersion.ToString(CultureInfo.InvariantCulture));
        yield return ("model", Model);
        yield return ("loss", Loss);
        if (Loss == KindName.Of(LossKind.Huber)) yield return ("huber_delta", HuberDelta.ToString("R", CultureInfo.InvariantCulture));
        yield return ("feature_count", FeatureCount.ToString(CultureInfo.InvariantCulture));
        yield return ("index_base", IndexBase == IndexBase.Zero ? "0" : "1");
        if (Margin != 1) yield return ("margin", Margin.ToString("R", CultureInfo.InvariantCulture));
        yield return ("labels", Labels.IsBinary ? "binary" : Labels.Classes.Count > 0 ? "classes" : "real");
        if (Labels.Classes.Count > 0) yield return ("class_labels", string.Join(',', Labels.Classes.Select(label => label.ToString("R", CultureInfo.InvariantCulture))));
        if (Labels.IsBinary)
        {
            yield return ("label_negative", Labels.Negative.ToString("R", CultureInfo.InvariantCulture));
            yield return ("label_positive", Labels.Positive.ToString("R", CultureInfo.InvariantCulture));
        }
        if (Preprocessing.HashBits > 0)
        {
            yield return ("hash_bits", Preprocessing.HashBits.ToString(CultureInfo.InvariantCulture));
            yield return ("hash_seed", Preprocessing.HashSeed.ToString(CultureInfo.InvariantCulture));
        }
        if (Preprocessing.Normalizes) yield return ("normalize_rows", "yes");
        if (Layout is not null) yield return ("columns", CsvLayoutText.Write(Layout));
        yield return ("l1", L1.ToString("R", CultureInfo.InvariantCulture));
        yield return ("l2", L2.ToString("R", CultureInfo.InvariantCulture));
        yield return ("optimizer", Optimizer);
        foreach (var (name, value) in Summary) yield return (SummaryPrefix + name, value);
    }
}

/// <summary>Reads a model's metadata text, with errors that name the file.</summary>
internal sealed class ModelMetadata(string path, IReadOnlyDictionary<string, string> values)
{
    public string Text(string name) => values.TryGetValue(name, out string? value) ? value : throw new ModelFileException(path, $"the metadata lacks \"{name}\".");

    public int Integer(string name) => int.TryParse(Text(name), CultureInfo.InvariantCulture, out int value) ? value : throw Bad(name, "a whole number");

    public double Number(string name) => double.TryParse(Text(name), CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value : throw Bad(name, "a finite number");

    public string OneOf(string name, params string[] allowed) => allowed.Contains(Text(name)) ? Text(name) : throw Bad(name, $"one of {string.Join(", ", allowed)}");

    public LabelMap Labels()
    {
        string kind = OneOf("labels", "binary", "real", "classes");
        if (kind == "real") return LabelMap.Identity;
        if (kind == "classes") return Classes();
        double negative = Number("label_negative");
        double positive = Number("label_positive");
        return negative < positive ? LabelMap.Binary((float)negative, (float)positive) : throw Bad("label_positive", $"a number above {negative}");
    }

    /// <summary>Null, if the training file had none.</summary>
    public CsvLayout? Layout()
    {
        try
        {
            return values.TryGetValue("columns", out string? columns) ? CsvLayoutText.Read(columns) : null;
        }
        catch (ArgumentException malformed)
        {
            throw new ModelFileException(path, malformed.Message);
        }
    }

    private LabelMap Classes()
    {
        try
        {
            return LabelMap.OfClasses([.. Text("class_labels").Split(',').Select(label => float.Parse(label, CultureInfo.InvariantCulture))]);
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            throw Bad("class_labels", "numbers in ascending order, separated by commas");
        }
    }

    private ModelFileException Bad(string name, string expected) => new(path, $"the metadata has {name} = \"{Text(name)}\"; expected {expected}.");
}
