using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer;

/// <summary>What the options of an MLP mean, for any data and for the data at hand.</summary>
internal static class NetworkOptions
{
    private const int BatchMin = 16;
    private const int BatchMax = 128;
    private const int BatchesPerEpoch = 400;
    private const double DeviationMin = 1e-12;

    // A row of two classes says a bit at most: a network learns its noise by heart sooner than that of other targets.
    private const double StrengthOfTwoClasses = 20;
    private const double StrengthMax = 0.03;
    private const int StepsMin = 2_000;

    /// <summary>Null, or the sentence that refuses a combination of options.</summary>
    public static string? Refusal(TrainingOptions options)
    {
        if ((options.Model ?? options.Init?.Kind) != ModelKind.Mlp)
            return First(options) is { } given ? $"{given} is for MLPs; add --model mlp, or leave it out." : null;
        if (options is { Init.Spec.Network: { } begun } && Other(options, begun) is { } other)
            return other;
        if (options.GradientTolerance is { } tolerance)
            return $"--gradient-tolerance {tolerance} is for models without layers, whose objective has one lowest point; with --model mlp use --tolerance or --patience.";
        if (options.LocalSteps > 0)
            return $"--local-steps {options.LocalSteps} is for models without layers: --model mlp pushes the gradient of each mini-batch. Leave it out.";
        if (options.MaxNorm is { } radius)
            return $"--max-norm {radius} is for models without layers; with --model mlp use --l2.";
        if (options.Batch == 1 && (options.BatchNorm || options.Init?.Spec.Network is { BatchNorm: true }))
            return "--batch-norm takes mean and variance over the rows of a mini-batch, and --batch 1 has one; expected at least 2.";
        if (options.Augment is { } augment && options.Scaling is not (ScalingKind.Auto or ScalingKind.Off))
            return $"--augment {augment} changes images as they are; --scale {KindName.Of(options.Scaling)} would scale each of their pixels by itself. Leave one out.";
        if (options.Augment is { } moved && (options.Whiten is not null || options.HashBits is not null))
            return $"--augment {moved} changes images, and {(options.Whiten is { } directions ? $"--whiten {directions}" : $"--hash-bits {options.HashBits}")} makes features of them that are no pixels. Leave one out.";
        if (options.Augment is { } images && options.Exchange == ExchangeKind.Sparse)
            return $"--augment {images} moves pixels, so that an image needs the weights of all; --exchange sparse moves those of its non-zeros. Leave one out.";
        try
        {
            Network(options).Check();
            // Whether the images are large enough is known when they are read.
            return options.Augment is { } changes && !ImageAugmentation.IsText(changes) ? $"--augment is '{changes}'; expected {ImageAugmentation.Expected}." : null;
        }
        catch (ArgumentException outOfRange)
        {
            return outOfRange.Message;
        }
    }

    /// <summary>Null, or a sentence on what is allowed and hardly meant.</summary>
    public static string? Warning(TrainingOptions options) => options.InitWeights == WeightInit.Zeros && Network(options).Layers.Count > 0
        ? "With --init-weights zeros the units of a hidden layer stay equal to each other and learn as one; leave it out to have weights drawn."
        : null;

    /// <summary>The network that an MLP's labels and options ask for, and how labels are mapped.</summary>
    /// <exception cref="TrainingException">Rows of several labels, or changes of images where there are none.</exception>
    /// <exception cref="LabelException">The labels don't fit the loss.</exception>
    public static TaskChoice Choose(Dataset data, TrainingOptions options)
    {
        if (data.HasLabelSets)
            throw new TrainingException("--model mlp learns one label a row, but rows of the data have several; use --model structured-svm --loss hamming.");
        LossKind loss = options.Loss ?? TaskDetection.Detect(data.Labels) switch
        {
            LearningTask.Classification => LossKind.Logistic,
            LearningTask.Classes => LossKind.CrossEntropy,
            _ => LossKind.Squared,
        };
        ModelSpec model = ModelSpec.Of(ModelKind.Mlp, loss) with { Network = Network(options) };
        LabelMap labels = model.IsBinary ? LabelMap.ForClassification(data.Labels) : model.HasClassScores ? LabelMap.ForClasses(data.Labels) : LabelMap.Identity;
        if (options.Init is { } init)
            labels = WarmStart.Labels(init, model, labels, data);
        return new TaskChoice(model with { Outputs = Math.Max(1, labels.Classes.Count) }, labels, "");
    }

    /// <summary>How an MLP's training images are changed; null: not.</summary>
    /// <exception cref="TrainingException">There are no images, or they are too small for the change.</exception>
    public static ImageAugmentation? Augmentation(Dataset data, TrainingOptions options)
    {
        if (options.Augment is not { } changes)
            return null;
        ImageSize size = data.Image
            ?? throw new TrainingException($"--augment {changes} is for images, but the rows of {data.Path ?? "the data"} are none (those of IDX files with three dimensions are). Leave it out.");
        try
        {
            return ImageAugmentation.Parse(changes, size.Width, size.Height);
        }
        catch (ArgumentException tooSmall)
        {
            throw new TrainingException(tooSmall.Message, tooSmall);
        }
    }

    /// <summary>Rows of a mini-batch: a power of two, fewer where there are few rows, so that an epoch has some hundred steps.</summary>
    public static int Batch(Dataset data)
    {
        int batch = BatchMax;
        while (batch > BatchMin && batch * (long)BatchesPerEpoch > data.RowCount)
            batch /= 2;
        return batch;
    }

    /// <summary>λ₂; of so few rows that it would hold the weights at 0, no more than they bear.</summary>
    /// <param name="model">The network.</param>
    /// <param name="rows">Training rows.</param>
    public static double Strength(ModelSpec model, long rows) => Math.Min((model.IsBinary ? StrengthOfTwoClasses : 1) / rows, StrengthMax);

    /// <summary>Passes over so few rows that the usual number of them would be few steps.</summary>
    /// <param name="rows">Training rows.</param>
    /// <param name="batch">Rows in a mini-batch.</param>
    public static int EpochsOfFewRows(long rows, int batch) => (int)(StepsMin / Math.Max(1, rows / batch));

    /// <summary>Columns that are all of one kind, pixels, stay as they are.</summary>
    public static ScalingKind Scaling(Dataset data, TrainingOptions options) =>
        options.Scaling != ScalingKind.Auto ? options.Scaling : data.Image is null ? ScalingKind.On : ScalingKind.Off;

    /// <summary>How targets are scaled: those of regression, to mean 0 and deviation 1.</summary>
    public static TargetScaling? Targets(ModelSpec model, RateDefaults defaults) =>
        model.IsRegression ? new TargetScaling(defaults.TargetMean, Math.Max(DeviationMin, defaults.TargetDeviation)) : null;

    private static MlpSpec Network(TrainingOptions options)
    {
        if (options.Init?.Spec.Network is { } begun)
            return begun with { Dropout = (float)(options.Dropout ?? begun.Dropout) };
        MlpSpec network = new() { Layers = options.Hidden ?? [256, 128], BatchNorm = options.BatchNorm, Dropout = (float)(options.Dropout ?? 0), Init = options.InitWeights ?? WeightInit.Auto };
        return options.Activation is { } activation ? network.WithActivation(activation) : network;
    }

    // What asks for another network than the one that the training begins with; dropout changes no parameter.
    private static string? Other(TrainingOptions options, MlpSpec begun)
    {
        string? given = options.Hidden is { } hidden && !hidden.SequenceEqual(begun.Layers) ? $"--hidden {string.Join(',', hidden)}"
            : options.Activation is { } activation && activation != begun.ActivationText ? $"--activation {activation}"
            : options.BatchNorm && !begun.BatchNorm ? "--batch-norm"
            : options.InitWeights is { } drawn ? $"--init-weights {KindName.Of(drawn)}"
            : null;
        return given is null ? null : $"{given} asks for another network than that of --init ({begun}), whose weights the training begins with. Leave one out.";
    }

    // The first option that only an MLP takes, as it is written.
    private static string? First(TrainingOptions options) =>
        options.Hidden is { } hidden ? $"--hidden {string.Join(',', hidden)}"
        : options.Activation is { } activation ? $"--activation {activation}"
        : options.InitWeights is { } init ? $"--init-weights {KindName.Of(init)}"
        : options.BatchNorm ? "--batch-norm"
        : options.Dropout is { } dropout ? $"--dropout {dropout}"
        : options.Augment is { } augment ? $"--augment {augment}"
        : null;
}
