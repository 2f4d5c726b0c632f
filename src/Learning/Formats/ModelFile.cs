using System.Globalization;
using System.Runtime.InteropServices;
using DistSgd.Kernels;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Formats;

/// <summary>
/// A trained model: all that prediction needs, and a record of how it came to be. Stored as safetensors, a tensor in float32 for each table of the model's layout: <c>weights</c> [D] and
/// <c>bias</c> [1], or [D, k] and [k] where there are k scores a row; <c>layer1.weights</c> [D, units], <c>layer1.bias</c> [units] and so on for a network. The rest is metadata text, with
/// a checksum of all of it; version 1 had none.
/// </summary>
public sealed record ModelFile
{
    /// <summary>The version of the metadata that is written.</summary>
    public const int FormatVersion = 2;

    private const int FormatVersionWithoutChecksum = 1;
    private const string FormatName = "distsgd-model";
    private const string SummaryPrefix = "summary.";
    private const int ChunkElements = 1 << 16;

    private static readonly string[] Models = [.. Enum.GetNames<ModelKind>().Select(KindName.Of)];
    private static readonly string[] Losses = [.. Enum.GetNames<LossKind>().Select(KindName.Of)];

    /// <summary>Model and loss.</summary>
    public required ModelSpec Spec { get; init; }

    /// <summary>Number of features, D ≥ 1.</summary>
    public required long FeatureCount { get; init; }

    /// <summary>All parameters by position, as <see cref="ModelSpec.Layout"/> says.</summary>
    public required ReadOnlyMemory<float> Parameters { get; init; }

    /// <summary>The weights of the features: k for each 0-based feature, side by side; of a network, those of its first layer.</summary>
    public ReadOnlyMemory<float> Weights => Values(Tables[0]);

    /// <summary>k numbers, added to the scores.</summary>
    public ReadOnlyMemory<float> Bias => Values(Tables[^1]);

    /// <summary>The tables of the parameters, in order.</summary>
    public IReadOnlyList<LayoutTable> Tables => Spec.Layout(FeatureCount).Tables;

    /// <summary>The parameters of one table.</summary>
    /// <param name="table">One of <see cref="Tables"/>.</param>
    public ReadOnlyMemory<float> Values(LayoutTable table) => Parameters.Slice(checked((int)(table.FirstKey * Spec.Width)), checked((int)table.Count));

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

    /// <summary>Writes the model: whole under its name, or not at all, even if the process is killed.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    /// <exception cref="ArgumentException">There are not as many parameters as the layout says, or the index base is Auto.</exception>
    public void Save(string path)
    {
        long expected = Spec.Layout(FeatureCount).PositionCount;
        if (Parameters.Length != expected) throw new ArgumentException($"There are {Parameters.Length} parameters; {Spec} of {FeatureCount} features has {expected}.");
        if (IndexBase == IndexBase.Auto) throw new ArgumentException("The index base is Auto; expected Zero or One.");
        var file = new SafetensorsWriter();
        foreach (LayoutTable table in Tables) file.AddTensor(table.Name, TensorType.F32, [.. table.Shape], stream => Write(Values(table), stream));
        CostMatrix costs = Spec.Costs;
        if (costs.Classes > 0) file.AddTensor("class_costs", TensorType.F32, [costs.Classes, costs.Classes], stream => stream.Write(MemoryMarshal.AsBytes(costs.Span)));
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
        file.AddChecksum();
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
        if (version is not (FormatVersion or FormatVersionWithoutChecksum)) throw new ModelFileException(path, $"the model has format version {version}; this program reads versions {FormatVersionWithoutChecksum} and {FormatVersion}.");
        if (version != FormatVersionWithoutChecksum) file.CheckContent();
        CsvLayout? layout = text.Layout();
        LabelMap labels = text.Labels().Named(layout?.LabelNames ?? []);
        ModelSpec spec = text.Spec(Models, Losses, Math.Max(1, labels.Classes.Count));
        if (file.Tensors.ContainsKey("class_costs")) spec = spec with { Costs = new CostMatrix(ReadFloats(path, file, "class_costs")) };
        int features = text.Integer("feature_count");
        if (features < 1) throw new ModelFileException(path, $"the metadata says {features} features; expected at least 1.");
        string indexBase = text.OneOf("index_base", "0", "1");
        return new ModelFile
        {
            Spec = spec,
            FeatureCount = features,
            Parameters = ReadParameters(path, file, spec, features),
            Labels = labels,
            Layout = layout,
            Preprocessing = ReadPreprocessing(path, file, text),
            Scaling = ReadScaling(path, file, features),
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
        var values = new float[Entry(path, file, name).ElementCount];
        ReadFloats(path, file, name, values);
        return values;
    }

    private static TensorEntry Entry(string path, SafetensorsReader file, string name)
    {
        if (!file.Tensors.TryGetValue(name, out var entry)) throw new ModelFileException(path, $"there is no tensor \"{name}\"; is this a model of distsgd?");
        if (entry.Type != TensorType.F32 || entry.Shape.Count is 0 or > 2 || entry.ElementCount > Array.MaxLength)
            throw new ModelFileException(path, $"tensor {name} is {entry.Type} [{string.Join(", ", entry.Shape)}]; expected F32 with one or two extents.");
        return entry;
    }

    private static void ReadFloats(string path, SafetensorsReader file, string name, Span<float> values)
    {
        file.Read(name, 0, values);
        if (AllFinite.Check(values)) return;
        int bad = 0;
        while (float.IsFinite(values[bad])) bad++;
        throw new ModelFileException(path, $"tensor {name} has {values[bad]} at {bad}; expected finite numbers.");
    }

    private static float[] ReadParameters(string path, SafetensorsReader file, ModelSpec spec, long features)
    {
        ParameterLayout layout = spec.Layout(features);
        if (layout.PositionCount > Array.MaxLength) throw new ModelFileException(path, $"the metadata says {features} features of {layout.Width} parameters each; at most {Array.MaxLength} parameters can be read.");
        var parameters = new float[layout.PositionCount];
        foreach (LayoutTable table in layout.Tables)
        {
            TensorEntry entry = Entry(path, file, table.Name);
            if (!entry.Shape.SequenceEqual(table.Shape))
                throw new ModelFileException(path, $"tensor {table.Name} is [{string.Join(", ", entry.Shape)}]; expected [{string.Join(", ", table.Shape)}] for {spec} of {Plural.Of(features, "feature")}.");
            ReadFloats(path, file, table.Name, parameters.AsSpan((int)(table.FirstKey * layout.Width), (int)table.Count));
        }
        return parameters;
    }

    private static void Write(ReadOnlyMemory<float> values, Stream stream)
    {
        for (int start = 0; start < values.Length; start += ChunkElements)
            stream.Write(MemoryMarshal.AsBytes(values.Span.Slice(start, Math.Min(ChunkElements, values.Length - start))));
    }

    private IEnumerable<(string Name, string Value)> Metadata()
    {
        yield return ("format", FormatName);
        yield return ("version", FormatVersion.ToString(CultureInfo.InvariantCulture));
        yield return ("model", KindName.Of(Spec.Kind));
        yield return ("loss", KindName.Of(Spec.Loss));
        if (Spec.Loss == LossKind.Huber) yield return ("huber_delta", Spec.HuberDelta.ToString("R", CultureInfo.InvariantCulture));
        yield return ("feature_count", FeatureCount.ToString(CultureInfo.InvariantCulture));
        yield return ("index_base", IndexBase == IndexBase.Zero ? "0" : "1");
        if (Spec.Margin != 1) yield return ("margin", Spec.Margin.ToString("R", CultureInfo.InvariantCulture));
        if (Spec.Network is { } network)
        {
            yield return ("hidden", string.Join(',', network.Layers));
            yield return ("activation", network.ActivationText);
            yield return ("batch_norm", network.BatchNorm ? "yes" : "no");
            yield return ("dropout", network.Dropout.ToString("R", CultureInfo.InvariantCulture));
        }
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

    /// <summary>Model and loss, without costs.</summary>
    public ModelSpec Spec(string[] models, string[] losses, int outputs)
    {
        ModelKind kind = Enum.GetValues<ModelKind>()[Array.IndexOf(models, OneOf("model", models))];
        LossKind loss = Enum.GetValues<LossKind>()[Array.IndexOf(losses, OneOf("loss", losses))];
        return new ModelSpec
        {
            Kind = kind,
            Loss = loss,
            Outputs = outputs,
            HuberDelta = values.ContainsKey("huber_delta") ? (float)Number("huber_delta") : 1,
            Margin = values.ContainsKey("margin") ? (float)Number("margin") : 1,
            Network = kind == ModelKind.Mlp ? Network() : null,
        };
    }

    private MlpSpec Network()
    {
        try
        {
            int[] hidden = [.. Text("hidden").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(units => int.Parse(units, CultureInfo.InvariantCulture))];
            MlpSpec network = new MlpSpec { Layers = hidden, BatchNorm = OneOf("batch_norm", "yes", "no") == "yes", Dropout = (float)Number("dropout") }.WithActivation(Text("activation"));
            network.Check();
            return network;
        }
        catch (Exception error) when (error is FormatException or OverflowException or ArgumentException)
        {
            throw new ModelFileException(path, $"the metadata describes no network: {error.Message}");
        }
    }

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
