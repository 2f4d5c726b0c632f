using DistSgd.Learning.Data;
using DistSgd.Trainer;

using Dataset train = Dataset.Open(args[0]);
TrainingResult result = await SgdTrainer.TrainAsync(train, new TrainingOptions { Epochs = 5, Out = "model.safetensors", Notice = Console.WriteLine });
TrainedModel model = TrainedModel.Load("model.safetensors");
using Dataset test = Dataset.Open(args[1], model.ReadOptions);
float[] scores = model.Scores(test);
Console.WriteLine($"trained {result.Train.Rows} rows in {result.Seconds:F2} s; the first test row is {model.Labels.ToFile(scores[0])}, its score {scores[0]:F2}");
Console.WriteLine($"loss {model.Evaluate(test).Loss:F4}, accuracy {model.Evaluate(test).Accuracy:F4}");
