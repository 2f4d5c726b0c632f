using System.CommandLine;
using System.Globalization;
using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>The command <c>predict</c>: one line a row: the predicted label (or target), and for classifiers the score.</summary>
internal static class PredictCommand
{
    private const int RowsPerCheck = 4096;

    private static readonly ValueOption Out = Arguments.FilePath("--out", "The predictions, one line a row: label, and for classes the probability (logistic, softmax) or the score.");

    public static Command Build()
    {
        ValueOption model = Arguments.FilePath("--model", "The model file.");
        ValueOption data = Arguments.FilePath("--data", "The rows, in the format of the training data; - is standard input; their labels are not used.");
        model.Required = data.Required = Out.Required = true;
        var command = new Command("predict", "Predict with a model.") { model, data, Out };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(model)!, parsed.GetValue(data)!, parsed.GetValue(Out)!, parsed.InvocationConfiguration.Output, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(string modelPath, string dataPath, string outPath, TextWriter output, CancellationToken cancellationToken)
    {
        OutputFile.Check(Out, outPath, modelPath, dataPath);
        CommandOutput.GoOn(output, $"{outPath} holds the predictions");
        (TrainedModel model, float[] scores, long ignored, string? notice) = await Interruptible.RunAsync(() => Score(modelPath, dataPath, cancellationToken),
            $"Interrupted while predicting; {OutputFile.Untouched(outPath)}.", cancellationToken);
        OutputFile.Write(outPath, "writing the predictions", stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            int outputs = model.Spec.Outputs;
            for (int first = 0; first < scores.Length; first += outputs)
            {
                if (first % (RowsPerCheck * outputs) == 0)
                    cancellationToken.ThrowIfCancellationRequested();
                writer.WriteLine(Line(model, scores.AsSpan(first, outputs)));
            }
        });
        await output.WriteLineAsync($"{Plural.Of(scores.Length / model.Spec.Outputs, "prediction")} written to {outPath}{(ignored > 0 ? $"; {TextReport.LeftOut(ignored)}" : "")}{(notice is null ? "" : $"; {notice}")}");
        return 0;
    }

    private static (TrainedModel Model, float[] Scores, long Ignored, string? Notice) Score(string modelPath, string dataPath, CancellationToken cancellationToken)
    {
        TrainedModel model = TrainedModel.Load(modelPath);
        using InputFile file = InputFile.Of(dataPath);
        using Dataset data = file.Read(path => Dataset.Open(path, model.ReadOptions with { LabelsIgnored = true, CancellationToken = cancellationToken }));
        return (model, model.Scores(data, Environment.ProcessorCount, cancellationToken), data.IgnoredFeatureCount, data.Notice);
    }

    private static string Line(TrainedModel model, ReadOnlySpan<float> scores) =>
        model.Spec.IsMultiLabel ? Labels(model, scores)
        : model.Spec.IsMulticlass ? string.Create(CultureInfo.InvariantCulture, $"{model.Labels.Text(model.Labels.Classes[Evaluation.Largest(scores)])} {Confidence(model, scores):G6}") : Line(model, scores[0]);

    // All classes with a positive score; an empty line if there is none.
    private static string Labels(TrainedModel model, ReadOnlySpan<float> scores)
    {
        var labels = new List<string>();
        for (int l = 0; l < scores.Length; l++)
        {
            if (scores[l] > 0)
                labels.Add(model.Labels.Text(model.Labels.Classes[l]));
        }
        return string.Join(',', labels);
    }

    // The probability of the predicted class, or its score where there are no probabilities.
    private static float Confidence(TrainedModel model, ReadOnlySpan<float> scores)
    {
        int largest = Evaluation.Largest(scores);
        if (model.Spec.Loss != LossKind.CrossEntropy)
            return scores[largest];
        var probabilities = new float[scores.Length];
        Softmax.Apply(scores, probabilities);
        return probabilities[largest];
    }

    private static string Line(TrainedModel model, float score) => model.Spec switch
    {
        { IsRegression: true } or { IsRanking: true } => score.ToString("R", CultureInfo.InvariantCulture),
        { Loss: LossKind.Logistic } => string.Create(CultureInfo.InvariantCulture, $"{model.Labels.Text(model.Labels.ToFile(score))} {1 / (1 + Math.Exp(-score)):G6}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{model.Labels.Text(model.Labels.ToFile(score))} {score:R}"),
    };
}
