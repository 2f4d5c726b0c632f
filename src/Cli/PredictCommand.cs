using System.CommandLine;
using System.Globalization;
using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>The command <c>predict</c>: one line a row: the predicted label (or target), and for classifiers the score.</summary>
internal static class PredictCommand
{
    public static Command Build()
    {
        var model = new Option<string>("--model") { Description = "The model file.", Required = true };
        var data = new Option<string>("--data") { Description = "The rows, LIBSVM text, plain or gzip; their labels are not used.", Required = true };
        var path = new Option<string>("--out") { Description = "The predictions, one line a row: label, and for classes the probability (logistic, softmax) or the score.", Required = true };
        var command = new Command("predict", "Predict with a model.") { model, data, path };
        command.SetAction(parsed =>
        {
            Run(parsed.GetValue(model)!, parsed.GetValue(data)!, parsed.GetValue(path)!, parsed.InvocationConfiguration.Output);
            return 0;
        });
        return command;
    }

    private static void Run(string modelPath, string dataPath, string outPath, TextWriter output)
    {
        OutputFile.Check(outPath, modelPath, dataPath);
        TrainedModel model = TrainedModel.Load(modelPath);
        using Dataset data = Dataset.Open(dataPath, model.ReadOptions);
        float[] scores = model.Scores(data, Environment.ProcessorCount);
        AtomicFile.Write(outPath, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            int outputs = model.Spec.Outputs;
            for (int first = 0; first < scores.Length; first += outputs)
                writer.WriteLine(Line(model, scores.AsSpan(first, outputs)));
        });
        string ignored = data.IgnoredFeatureCount > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {data.IgnoredFeatureCount:N0} values of features that the model doesn't know were left out") : "";
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{data.RowCount:N0} predictions written to {outPath}{ignored}"));
    }

    private static string Line(TrainedModel model, ReadOnlySpan<float> scores) =>
        model.Spec.IsMultiLabel ? Labels(model, scores)
        : model.Spec.IsMulticlass ? string.Create(CultureInfo.InvariantCulture, $"{model.Labels.Classes[Evaluation.Largest(scores)]} {Confidence(model, scores):G6}") : Line(model, scores[0]);

    // All classes with a positive score; an empty line if there is none.
    private static string Labels(TrainedModel model, ReadOnlySpan<float> scores)
    {
        var labels = new List<string>();
        for (int l = 0; l < scores.Length; l++)
        {
            if (scores[l] > 0)
                labels.Add(model.Labels.Classes[l].ToString("R", CultureInfo.InvariantCulture));
        }
        return string.Join(',', labels);
    }

    // The probability of the predicted class, or its score where there are no probabilities.
    private static float Confidence(TrainedModel model, ReadOnlySpan<float> scores)
    {
        int largest = Evaluation.Largest(scores);
        if (model.Kind != ModelKind.Softmax)
            return scores[largest];
        var probabilities = new float[scores.Length];
        Softmax.Apply(scores, probabilities);
        return probabilities[largest];
    }

    private static string Line(TrainedModel model, float score) => model.Kind switch
    {
        ModelKind.Linear or ModelKind.SvmRank => score.ToString("R", CultureInfo.InvariantCulture),
        ModelKind.Logistic => string.Create(CultureInfo.InvariantCulture, $"{model.Labels.ToFile(score)} {1 / (1 + Math.Exp(-score)):G6}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{model.Labels.ToFile(score)} {score:R}"),
    };
}
